/** A panel of the dashboard, with the expressions that it queries. */
export interface Panel {
  readonly title: string;
  readonly queries: readonly string[];
}

interface GrafanaPanel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** What Grafana puts in place of the variables, where scrapes are a second apart and everything is shown. */
const VARIABLES = { $__rate_interval: '10s', $job: '.+', $instance: '.+' };

/** The graphs of a dashboard in Grafana's JSON, with its variables filled in. */
export function panelsIn(dashboard: string): Panel[] {
  const { panels } = JSON.parse(dashboard) as { panels: readonly GrafanaPanel[] };
  return panels
    .filter(({ type }) => type !== 'row')
    .map(({ title, targets = [] }) => ({ title, queries: targets.map(({ expr }) => filledIn(expr)) }));
}

/** The variables of a dashboard whose values are those of a label, with the metric that has it. */
export function variablesIn(dashboard: string): { readonly label: string; readonly metric: string }[] {
  const { templating } = JSON.parse(dashboard) as {
    templating: { list: readonly { label: string; definition?: string }[] };
  };
  return templating.list.flatMap(({ label, definition = '' }) => {
    const metric = /^label_values\((\w+)/.exec(definition)?.[1];
    return metric === undefined ? [] : [{ label, metric }];
  });
}

function filledIn(expr: string): string {
  return Object.entries(VARIABLES).reduce((text, [name, value]) => text.replaceAll(name, value), expr);
}

/** An alert, with the sides of its comparisons that should always have data. */
export interface Alert {
  readonly name: string;
  readonly sides: readonly string[];
}

/** The alerts as Prometheus tells of the rules that it has loaded. */
export function alertsIn(groups: readonly { rules: readonly { name: string; query: string }[] }[]): Alert[] {
  return groups
    .flatMap(({ rules }) => rules)
    .map(({ name, query }) => ({ name, sides: query.split(/\s+and\s+/).map(withoutComparison) }));
}

/** What is compared with a number, or is to be absent. */
function withoutComparison(expr: string): string {
  return expr.replace(/\s*(?:>|<|==)\s*[\d.* ]+$/, '').replace(/^absent\((.*)\)$/s, '$1');
}

/** Metrics, each with the labels that it has. */
export type Metrics = ReadonlyMap<string, ReadonlySet<string>>;

/** What Prometheus adds to what it reads. */
const ADDED = ['job', 'instance'];

/** The metrics in these texts, which have values. */
export function metricsIn(texts: readonly string[]): Metrics {
  const metrics = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of texts.join('\n').matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const known = metrics.get(name) ?? new Set(ADDED);
    for (const label of labelsIn(labels)) known.add(label);
    metrics.set(name, known);
  }
  return metrics;
}

function labelsIn(selector: string): string[] {
  return [...selector.matchAll(/(\w+)[=!]~?"/g)].map(([, label = '']) => label);
}

/** What an expression names of which there is nothing: a metric, a label of it, or a label to sum by. */
export function strangersIn(expr: string, metrics: Metrics): string[] {
  const named = [...expr.matchAll(/\b([a-z]\w*)\{(.*?)\}/g)];
  const summedBy = [...expr.matchAll(/\bby ?\((.*?)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/));
  return [
    ...named.flatMap(([, name = '', selector = '']) =>
      metrics.has(name)
        ? labelsIn(selector)
            .filter((label) => metrics.get(name)?.has(label) !== true)
            .map((label) => `the label ${label} of ${name}`)
        : [name],
    ),
    ...summedBy.filter((label) => !named.some(([, name = '']) => metrics.get(name)?.has(label) ?? true)),
  ];
}
