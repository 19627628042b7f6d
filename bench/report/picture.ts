import * as echarts from 'echarts';
import type { Bars } from './section.ts';

const WIDTH = 980;
const NAMES_WIDTH = 400;
const RIGHT = 70;
const BAR_HEIGHT = 24;
const HEAD_HEIGHT = 62;
const FOOT_HEIGHT = 34;

const INK = '#24292f';
const FAINT = '#6e7781';
const RULE = '#d0d7de';
const MET = '#2f81b7';
const MISSED = '#d9822b';

// No quoted font names: quotes would end the attribute.
const FONT = 'Helvetica, Arial, sans-serif';

/** An SVG chart of ratios: one panel per group, the goal as a line, the spread of the rounds on each bar. */
export function pictureOf(groups: readonly Bars[], caption: string): string {
  const heights = groups.map(({ bars }) => HEAD_HEIGHT + bars.length * BAR_HEIGHT);
  const tops = heights.map((_, index) => heights.slice(0, index).reduce((sum, height) => sum + height, 0));
  const height = heights.reduce((sum, each) => sum + each, 0) + FOOT_HEIGHT;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT, color: INK },
    title: [
      ...groups.map(({ title, goal, goalIs }, index) => ({
        text: title,
        subtext: `goal: at ${goalIs} ${goal}`,
        left: 16,
        top: tops[index]! + 12,
        itemGap: 4,
        textStyle: { fontSize: 15, fontWeight: 600, color: INK },
        subtextStyle: { fontSize: 12, color: FAINT },
      })),
      {
        text: caption,
        left: 16,
        top: height - 26,
        textStyle: { fontSize: 11, fontWeight: 400, color: FAINT },
      },
    ],
    grid: groups.map((_, index) => ({
      left: NAMES_WIDTH,
      right: RIGHT,
      top: tops[index]! + HEAD_HEIGHT - 8,
      height: heights[index]! - HEAD_HEIGHT,
    })),
    xAxis: groups.map(({ bars, goal }, index) => ({
      type: 'value' as const,
      gridIndex: index,
      min: 0,
      max: Math.max(goal, ...bars.map(({ ratio }) => ratio)) * 1.12,
      axisLabel: { show: false },
      splitLine: { show: false },
    })),
    yAxis: groups.map(({ bars }, index) => ({
      type: 'category' as const,
      gridIndex: index,
      inverse: true,
      data: bars.map(({ name }) => name),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: RULE } },
      axisLabel: { color: INK, fontSize: 12, width: NAMES_WIDTH - 30, overflow: 'truncate' as const },
    })),
    series: groups.flatMap((group, index) => [barSeries(group, index), spreadSeries(group, index)]),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

function barSeries({ bars, goal, goalIs }: Bars, index: number): echarts.BarSeriesOption {
  return {
    type: 'bar',
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: BAR_HEIGHT - 10,
    data: bars.map(({ ratio }) => ({
      value: ratio,
      itemStyle: { color: (goalIs === 'least' ? ratio >= goal : ratio <= goal) ? MET : MISSED },
      label: {
        show: true,
        position: 'insideLeft',
        formatter: ratio.toFixed(2),
        color: '#ffffff',
        fontSize: 11,
      },
    })),
    markLine: {
      silent: true,
      symbol: 'none',
      data: [{ xAxis: goal }],
      lineStyle: { color: INK, type: 'dashed', width: 1 },
      label: { formatter: String(goal), position: 'start', distance: 2, color: FAINT, fontSize: 11 },
    },
  };
}

/** A thin line from the lowest to the highest round. */
function spreadSeries({ bars }: Bars, index: number): echarts.CustomSeriesOption {
  return {
    type: 'custom',
    z: 3,
    xAxisIndex: index,
    yAxisIndex: index,
    silent: true,
    clip: true,
    data: bars.map(({ low, high }, row) => [row, low, high]),
    renderItem: (_, api) => {
      const [x1 = 0, y = 0] = api.coord([api.value(1), api.value(0)]);
      const [x2 = 0] = api.coord([api.value(2), api.value(0)]);
      return {
        type: 'line',
        shape: { x1, y1: y, x2, y2: y },
        style: { stroke: INK, lineWidth: 1.5, opacity: 0.55 },
      };
    },
  };
}
