import * as echarts from 'echarts';
import { figure, isMet, type BarChart, type Chart, type LineChart } from './results.ts';

const WIDTH = 980;
const NAMES_WIDTH = 430;
const RIGHT = 90;
const BAR_HEIGHT = 26;
const HEAD_HEIGHT = 72;
const LINES_HEIGHT = 400;
const FOOT_HEIGHT = 58;

const INK = '#24292f';
const FAINT = '#57606a';
const RULE = '#d0d7de';
const MET = '#2f81b7';
const MISSED = '#d9822b';
const NO_GOAL = '#8c959f';
const LINES = ['#2f81b7', '#d9822b', '#3c8c4a', '#8250df', '#a0454b'];

// No quoted font names: quotes would end the attribute.
const FONT = 'Helvetica, Arial, sans-serif';

/** An SVG picture with one panel per chart. */
export function pictureOf(charts: readonly Chart[], caption: string): string {
  const heights = charts.map((chart) =>
    chart.kind === 'bars' ? HEAD_HEIGHT + chart.bars.length * BAR_HEIGHT + 26 : LINES_HEIGHT,
  );
  const tops = heights.map((_, index) => heights.slice(0, index).reduce((sum, height) => sum + height, 0));
  const height = heights.reduce((sum, each) => sum + each, 0) + FOOT_HEIGHT;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const panels = charts.map((each, index) =>
    each.kind === 'bars'
      ? barPanel(each, index, tops[index]!, heights[index]!)
      : linePanel(each, index, tops[index]!, heights[index]!),
  );
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT, color: INK },
    title: [
      ...charts.map(({ title, subtitle }, index) => ({
        text: title,
        subtext: subtitle,
        left: 16,
        top: tops[index]! + 14,
        itemGap: 5,
        textStyle: { fontSize: 16, fontWeight: 600, color: INK },
        subtextStyle: { fontSize: 12.5, color: FAINT },
      })),
      {
        text:
          'Bars and numbers: medians; the thin line is from the lowest to the highest round; the black mark is the goal. ' +
          'Blue: goal met. Orange: goal missed. Grey: no goal.',
        left: 16,
        top: height - 50,
        textStyle: { fontSize: 12, fontWeight: 400, color: INK },
      },
      {
        text: caption,
        left: 16,
        top: height - 28,
        textStyle: { fontSize: 11, fontWeight: 400, color: FAINT },
      },
    ],
    legend: panels.flatMap(({ legend }) => legend),
    grid: panels.map(({ grid }) => grid),
    xAxis: panels.map(({ xAxis }) => xAxis),
    yAxis: panels.map(({ yAxis }) => yAxis),
    series: panels.flatMap(({ series }) => series),
  } as echarts.EChartsOption);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

interface Panel {
  readonly grid: echarts.GridComponentOption;
  readonly xAxis: echarts.XAXisComponentOption;
  readonly yAxis: echarts.YAXisComponentOption;
  readonly series: readonly echarts.SeriesOption[];
  readonly legend: readonly echarts.LegendComponentOption[];
}

/** Horizontal bars from 0; the axis reaches the highest round, so that no spread is cut off. */
function barPanel({ bars }: BarChart, index: number, top: number, height: number): Panel {
  const axes = { xAxisIndex: index, yAxisIndex: index };
  const max = Math.max(...bars.map(({ value, goal }) => Math.max(value.high, goal ?? 0)));
  return {
    legend: [],
    grid: { left: NAMES_WIDTH, right: RIGHT, top: top + HEAD_HEIGHT - 8, height: height - HEAD_HEIGHT - 18 },
    xAxis: {
      type: 'value',
      gridIndex: index,
      min: 0,
      max: max * 1.03,
      axisLabel: { color: FAINT, fontSize: 11, showMaxLabel: false },
      splitLine: { showMaxLine: false, lineStyle: { color: RULE } },
    },
    yAxis: {
      type: 'category',
      gridIndex: index,
      inverse: true,
      data: bars.map(({ name }) => name),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: RULE } },
      axisLabel: { color: INK, fontSize: 12, width: NAMES_WIDTH - 30, overflow: 'truncate' },
    },
    series: [
      {
        type: 'bar',
        ...axes,
        barWidth: BAR_HEIGHT - 10,
        data: bars.map(({ value, goal, goalIs }) => ({
          value: value.median,
          itemStyle: {
            color: goal === null ? NO_GOAL : isMet({ value, goal, goalIs }) ? MET : MISSED,
          },
        })),
      },
      {
        type: 'custom',
        ...axes,
        z: 3,
        silent: true,
        data: bars.map(({ value: { low, high }, goal }, row) => [row, low, high, goal ?? -1]),
        renderItem: (_, api) => {
          const [x1 = 0, y = 0] = api.coord([api.value(1), api.value(0)]);
          const [x2 = 0] = api.coord([api.value(2), api.value(0)]);
          const [x = 0] = api.coord([api.value(3), api.value(0)]);
          const line = (shape: Record<string, number>, stroke: string, lineWidth: number) => ({
            type: 'line' as const,
            shape,
            style: { stroke, lineWidth },
          });
          return {
            type: 'group',
            children: [
              line({ x1, y1: y, x2, y2: y }, '#6e7781', 1.5),
              {
                type: 'text' as const,
                style: {
                  text: figure(bars[Number(api.value(0))]!.value.median),
                  x: WIDTH - RIGHT + 12,
                  y,
                  verticalAlign: 'middle' as const,
                  fill: INK,
                  fontSize: 12.5,
                },
              },
              ...(Number(api.value(3)) < 0
                ? []
                : [line({ x1: x, y1: y - BAR_HEIGHT / 2 + 2, x2: x, y2: y + BAR_HEIGHT / 2 - 2 }, INK, 2)]),
            ],
          };
        },
      },
    ],
  };
}

/** Lines on two logarithmic axes. */
function linePanel({ lines, x, y }: LineChart, index: number, top: number, height: number): Panel {
  const axis = {
    gridIndex: index,
    nameTextStyle: { color: FAINT, fontSize: 12 },
    axisLabel: { color: FAINT, fontSize: 11, formatter: (value: number) => value.toLocaleString('en') },
    splitLine: { lineStyle: { color: RULE } },
  };
  return {
    legend: [
      {
        data: lines.map(({ name }) => name),
        left: 16,
        top: top + 58,
        textStyle: { fontSize: 12, color: INK },
      },
    ],
    grid: { left: 70, right: 40, top: top + HEAD_HEIGHT + 32, height: height - HEAD_HEIGHT - 100 },
    xAxis: { type: 'log', name: x, nameLocation: 'middle', nameGap: 28, ...axis },
    yAxis: { type: 'log', name: y, ...axis },
    series: lines.map(({ name, points }, line) => ({
      type: 'line',
      name,
      xAxisIndex: index,
      yAxisIndex: index,
      symbolSize: 7,
      lineStyle: { width: 2 },
      color: LINES[line % LINES.length]!,
      data: points.map(({ size, value }) => [size, value.median]),
    })),
  };
}
