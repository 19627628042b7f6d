/** A graph of the dashboard, with the expressions that it queries. */
export interface Panel {
  readonly title: string;
  readonly queries: readonly string[];
}

interface GrafanaPanel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** The values of Grafana's variables for a scrape interval of one second and all jobs and instances. */
const VARIABLES = { $__rate_interval: '10s', $job: '.+', $instance: '.+' };

/** The graphs of a dashboard in Grafana's JSON, with the variables replaced. */
export function panelsIn(dashboard: string): Panel[] {
  const { panels } = JSON.parse(dashboard) as { panels: readonly GrafanaPanel[] };
  return panels
    .filter(({ type }) => type !== 'row')
    .map(({ title, targets = [] }) => ({ title, queries: targets.map(({ expr }) => filledIn(expr)) }));
}

/** The variables of a dashboard that take their values from a label, with the metric of that label. */
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

/** An alert, with the operands of its comparisons that must always have data. */
export interface Alert {
  readonly name: string;
  readonly sides: readonly string[];
}

/** The alerts in the rules that Prometheus has loaded. */
export function alertsIn(groups: readonly { rules: readonly { name: string; query: string }[] }[]): Alert[] {
  return groups
    .flatMap(({ rules }) => rules)
    .map(({ name, query }) => ({
      name,
      sides: query.split(/\s+and(?: on ?\(\))?\s+/).map(withoutComparison),
    }));
}

/** The operand of a comparison with a number, or of `absent`. */
function withoutComparison(expr: string): string {
  return expr.replace(/\s*(?:>|<|==)\s*[\d.* ]+$/, '').replace(/^absent\((.*)\)$/s, '$1');
}

/** Metrics, each with its labels. */
export type Metrics = ReadonlyMap<string, ReadonlySet<string>>;

/** The labels that Prometheus adds. */
const ADDED_LABELS = ['job', 'instance'];

/** The metrics with values in these texts in Prometheus format. */
export function metricsIn(texts: readonly string[]): Metrics {
  const metrics = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of texts.join('\n').matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const known = metrics.get(name) ?? new Set(ADDED_LABELS);
    for (const label of labelsIn(labels)) known.add(label);
    metrics.set(name, known);
  }
  return metrics;
}

function labelsIn(selector: string): string[] {
  return [...selector.matchAll(/(\w+)[=!]~?"/g)].map(([, label = '']) => label);
}

/** The unknown names in an expression: a metric, a label of a metric, or a label to sum by. */
export function unknownNamesIn(expr: string, metrics: Metrics): string[] {
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
