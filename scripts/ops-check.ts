import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFault, run, runChecks, titleOf, type Fault, type ReportResult, type Run } from './checks.ts';
import { projectFolder } from './local-cassandra/project.ts';
import {
  alertsIn,
  metricsIn,
  panelsIn,
  unknownNamesIn,
  variablesIn,
  type Metrics,
} from './ops-check/panels.ts';
import { findTools, inEnvironment, type Environment, type Tools } from './ops-check/environment.ts';

/**
 * `npm run ops:check`: checks the alerts with promtool, and the dashboard with a Prometheus that scrapes a running service.
 * Then it injects errors into copies of both, and checks that they are found. The service uses memory storage; a stub serves
 * the metrics of a second service, on a Cassandra that sometimes fails.
 */

const SECONDS = 20;

const ops = join(projectFolder, 'ops');
const read = (name: string): string => readFileSync(join(ops, name), 'utf8');

const ALERT_FAULTS: readonly Fault[] = [
  { file: 'alerts.yaml', from: 'sum by (le)', to: 'sum by le', found: /parse error/ },
  { file: 'alerts.yaml', from: '$labels.instance', to: '$label.instance', found: /undefined variable/ },
  { file: 'alerts.yaml', from: 'route=~"/api/.*", ', to: '', found: /MessengerFails/ },
  { file: 'alerts.yaml', from: '> 0.05', to: '> 0.5', found: /CassandraNodeIsSlow/ },
  { file: 'alerts.yaml', from: 'outcome!="ok"', to: 'outcome="error"', found: /CassandraFails/ },
  { file: 'alerts.yaml', from: '== 0', to: '< 0', found: /CassandraNotConnected/ },
  { file: 'alerts.yaml', from: '> 0.2\n        for: 5m', to: '> 0.01\n        for: 5m', found: /EventLoop/ },
  {
    file: 'alerts.yaml',
    from: 'verified{job="messenger"} == 0',
    to: 'verified == 2',
    found: /ClockNotVerified/,
  },
  { file: 'alerts.yaml', from: 'abs(messenger', to: '(messenger', found: /ClockIsOff/ },
  { file: 'alerts.yaml', from: '} > 0.8', to: '} > 0.95', found: /StreamsNearLimit/ },
  { file: 'alerts.yaml', from: ') == 1', to: ') >= 0', found: /EventsAreLate/ },
  {
    file: 'alerts.yaml',
    from: 'broker_connected{job="messenger"} == 0',
    to: 'broker_connected{job="messenger"} == 2',
    found: /BrokerDisconnected/,
  },
  { file: 'alerts.yaml', from: ', reason="slow"', to: '', found: /DisconnectsSlowReaders/ },
];

const CONFIGURATION_FAULTS: readonly Fault[] = [
  { file: 'prometheus.yml', from: 'scrape_interval', to: 'scrape_intervall', found: /scrape_intervall/ },
  { file: 'prometheus.yml', from: '- alerts.yaml', to: '- alarms.yaml', found: /alarms\.yaml/ },
];

const METRIC_FAULTS: readonly Fault[] = [
  {
    file: '/metrics',
    from: 'cassandra_retries_total',
    to: 'cassandra_retries',
    found: /counter metrics should have "_total" suffix/,
  },
];

const PANEL_FAULTS: readonly Fault[] = [
  {
    file: 'dashboard.json',
    from: 'cassandra_retries_total',
    to: 'cassandra_retry_total',
    found: /“Retries .* names cassandra_retry_total, which does not exist/,
  },
  {
    file: 'dashboard.json',
    from: 'sum by (route)',
    to: 'sum by route',
    found: /“Share of requests with a 5xx, by route” can't be evaluated: .*parse error/,
  },
  {
    file: 'dashboard.json',
    from: 'status=~\\"5..\\"',
    to: 'state=~\\"5..\\"',
    found: /“Share .* names the label state of http_server_request_duration_seconds_count/,
  },
  {
    file: 'dashboard.json',
    from: 'label_values(messenger_requests_limit, job)',
    to: 'label_values(messenger_room, job)',
    found: /“Job” names messenger_room, which does not exist/,
  },
  {
    file: 'dashboard.json',
    from: 'sum by (le, statement)',
    to: 'sum by (statement)',
    found: /“Statement duration, p99 by statement” has no data/,
  },
];

const tools = await findTools();
const missing =
  'Prometheus with promtool is required: install the Debian package prometheus, or run apt-get update, so that it can be ' +
  'downloaded.';
process.exitCode = await runChecks(tools === null ? missing : null, (report) => check(tools!, report));

async function check(tools: Tools, reportResult: ReportResult): Promise<void> {
  const report = (name: string, errors: readonly string[]): void => reportResult(name, errors.join('\n'));
  report('the alerts fire in their situations, and in no others', await alertErrors(tools, ops));
  for (const fault of [...ALERT_FAULTS, ...CONFIGURATION_FAULTS])
    report(titleOf(fault), missedFault(fault, await errorsWithFault(tools, fault)));

  await inEnvironment(tools, SECONDS, async (environment) => {
    const [text = '', ...others] = await environment.texts();
    const errors = await Promise.all([text, ...others].map((each) => metricErrors(tools, each)));
    report('the names and descriptions of metrics are valid', errors.flat());
    for (const fault of METRIC_FAULTS) {
      report(titleOf(fault), missedFault(fault, await metricErrors(tools, withFault(text, fault))));
    }
    report('the dashboard shows data in every panel', await panelErrors(environment, read('dashboard.json')));
    for (const fault of PANEL_FAULTS) {
      const errors = await panelErrors(environment, withFault(read(fault.file), fault));
      report(titleOf(fault), missedFault(fault, errors));
    }
    report('the expressions of the alerts have data', await alertExpressionErrors(environment));
  });
}

/** What promtool reports on the configuration in a folder with its alerts, or on the tests of the alerts. */
async function alertErrors({ promtool }: Tools, folder: string): Promise<string[]> {
  const checked = await run(promtool, ['check', 'config', 'prometheus.yml'], { cwd: folder });
  return checked.code === 0
    ? outputErrors(await run(promtool, ['test', 'rules', 'alerts.test.yaml'], { cwd: folder }))
    : outputErrors(checked);
}

function outputErrors({ code, output }: Run): string[] {
  return code === 0 ? [] : [output];
}

/** The reported errors, if the injected one is not among them; otherwise empty. */
function missedFault({ found }: Fault, errors: readonly string[]): string[] {
  return errors.some((error) => found.test(error)) ? [] : ['It reports:', ...errors];
}

/** What promtool reports on a copy of the alerts with an injected error. */
async function errorsWithFault(tools: Tools, fault: Fault): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-ops-'));
  try {
    cpSync(ops, folder, { recursive: true });
    writeFileSync(join(folder, fault.file), withFault(read(fault.file), fault));
    return await alertErrors(tools, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What promtool reports on the text of metrics. */
async function metricErrors({ promtool }: Tools, text: string): Promise<string[]> {
  return outputErrors(await run(promtool, ['check', 'metrics'], { input: text }));
}

async function panelErrors(environment: Environment, dashboard: string): Promise<string[]> {
  const metrics = metricsIn(await environment.texts());
  const errors = variablesIn(dashboard)
    .filter(({ metric }) => !metrics.has(metric))
    .map(({ label, metric }) => `“${label}” names ${metric}, which does not exist`);
  for (const { title, queries } of panelsIn(dashboard)) {
    for (const expr of queries)
      errors.push(...(await expressionErrors(environment, metrics, `“${title}”`, expr)));
  }
  return errors;
}

async function alertExpressionErrors(environment: Environment): Promise<string[]> {
  const metrics = metricsIn(await environment.texts());
  const errors: string[] = [];
  for (const { name, sides } of alertsIn(await environment.rules())) {
    for (const expr of sides) errors.push(...(await expressionErrors(environment, metrics, name, expr)));
  }
  return errors;
}

/** The errors of an expression: unknown metrics or labels, a parse error, or no data. */
async function expressionErrors(
  environment: Environment,
  metrics: Metrics,
  name: string,
  expr: string,
): Promise<string[]> {
  const unknown = unknownNamesIn(expr, metrics);
  if (unknown.length > 0) return [`${name} names ${unknown.join(' and ')}, which does not exist`];
  try {
    const series = await environment.query(expr);
    const values = series.flatMap((line) => line.values.map(([, value]) => Number(value)));
    return values.some((value) => Number.isFinite(value)) ? [] : [`${name} has no data: ${expr}`];
  } catch (error) {
    return [`${name} can't be evaluated: ${(error as Error).message}`];
  }
}
