import * as echarts from 'echarts';
import type { Panel } from './panels.ts';
import type { Series, Stage } from './stage.ts';

const COLUMNS = 3;
const WIDTH = 440;
const PLOT_HEIGHT = 130;
const HEAD_HEIGHT = 40;
const GAP = 14;
const LEFT = 56;
const FOOT_HEIGHT = 22;

/** The legend: the height of a line, and the approximate widths of a letter and of the mark before a name. */
const LINE_HEIGHT = 20;
const LETTER_WIDTH = 5;
const MARK_WIDTH = 26;

const INK = '#24292f';
const FAINT = '#6e7781';
const RULE = '#e4e8ec';
const COLOURS = [
  '#2f81b7',
  '#d9822b',
  '#3d9970',
  '#a2559c',
  '#c4554d',
  '#7a6a53',
  '#5c6bc0',
  '#8a9a1f',
  '#00a3a3',
  '#e377c2',
  '#1f3b57',
  '#b8a100',
  '#6e7781',
  '#ff6b4a',
];

// No font name in quotes: a quote would end the SVG attribute.
const FONT = 'Helvetica, Arial, sans-serif';

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** All panels with their data from the start until now, as one SVG. */
export async function pictureOf(stage: Stage, panels: readonly Panel[], caption: string): Promise<string> {
  const drawn: { svg: string; height: number }[] = [];
  for (const panel of panels) drawn.push(draw(panel, await linesOf(stage, panel)));
  const rows = Array.from({ length: Math.ceil(drawn.length / COLUMNS) }, (_, row) =>
    drawn.slice(row * COLUMNS, (row + 1) * COLUMNS),
  );
  let top = GAP;
  const placed = rows.flatMap((row) => {
    const y = top;
    top += Math.max(...row.map(({ height }) => height)) + GAP;
    return row.map(({ svg }, column) =>
      svg.replace('<svg ', `<svg x="${GAP + column * (WIDTH + GAP)}" y="${y}" `),
    );
  });
  const width = COLUMNS * (WIDTH + GAP) + GAP;
  const height = top + FOOT_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...placed,
    `<text x="${GAP + 4}" y="${top + 8}" font-family="${FONT}" font-size="11" fill="${FAINT}">${caption}</text>`,
    '</svg>\n',
  ].join('\n');
}

async function linesOf(stage: Stage, { queries }: Panel): Promise<Line[]> {
  const answers = await Promise.all(
    queries.map(async ({ expr, legend }) =>
      (await stage.query(expr)).map((series) => ({ name: nameOf(series, legend), points: pointsOf(series) })),
    ),
  );
  return answers.flat();
}

/** The name of a line, with the labels in its legend replaced as in Grafana. */
function nameOf({ metric }: Series, legend: string): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '');
}

function pointsOf({ values }: Series): Line['points'] {
  return values.map(([seconds, value]) => [seconds, Number(value)] as const);
}

function draw({ title, unit }: Panel, lines: readonly Line[]): { svg: string; height: number } {
  const legendHeight = LINE_HEIGHT * linesOfLegend(lines.map(({ name }) => name));
  const height = HEAD_HEIGHT + PLOT_HEIGHT + 26 + legendHeight;
  const startedAt = Math.min(...lines.flatMap(({ points }) => points.map(([seconds]) => seconds)));
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    color: COLOURS,
    textStyle: { fontFamily: FONT, color: INK },
    title: { text: title, left: 4, top: 4, textStyle: { fontSize: 13, fontWeight: 600, color: INK } },
    legend: {
      left: 4,
      right: 4,
      top: HEAD_HEIGHT + PLOT_HEIGHT + 24,
      padding: 0,
      itemGap: 10,
      itemWidth: 12,
      itemHeight: 3,
      icon: 'rect',
      textStyle: { fontSize: 10, color: INK },
    },
    grid: { left: LEFT, right: 12, top: HEAD_HEIGHT, height: PLOT_HEIGHT },
    xAxis: {
      type: 'value',
      min: 0,
      max: 'dataMax',
      axisLabel: { color: FAINT, fontSize: 10, formatter: '{value} s', showMaxLabel: false },
      axisLine: { lineStyle: { color: FAINT } },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      min: 0,
      // With this maximum, a line that is always 0 is at the bottom.
      max: ({ max }: { max: number }) => (max === 0 ? 0.8 : null),
      splitNumber: 4,
      axisLabel: { color: FAINT, fontSize: 10, formatter: (value: number) => formatValue(value, unit) },
      splitLine: { lineStyle: { color: RULE } },
    },
    series: lines.map(({ name, points }) => ({
      type: 'line' as const,
      name,
      showSymbol: false,
      lineStyle: { width: 1.5 },
      data: points.map(([seconds, value]) => [
        seconds - startedAt,
        Number.isFinite(value) ? value / (unit === 'bytes' ? MIB : 1) : null,
      ]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return { svg, height };
}

/** The number of lines of a legend. */
function linesOfLegend(names: readonly string[]): number {
  let lines = 1;
  let used = 0;
  for (const { length } of names) {
    const width = MARK_WIDTH + length * LETTER_WIDTH;
    if (used + width > WIDTH - 8) {
      lines += 1;
      used = 0;
    }
    used += width;
  }
  return lines;
}

/** Bytes are shown in MiB, which gives round numbers at the axis. */
const MIB = 2 ** 20;

/** A value as text. `unit` is a unit name of Grafana. */
function formatValue(value: number, unit: string): string {
  const short = (number: number): string => String(Number(number.toPrecision(3)));
  if (unit === 's') return value < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
  if (unit === 'percentunit') return `${short(value * 100)} %`;
  if (unit === 'bytes') return `${short(value)} MiB`;
  return short(value);
}
