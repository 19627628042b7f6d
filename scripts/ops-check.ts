import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planted, run, runChecks, titleOf, type Fault, type Note, type Run } from './checks.ts';
import { projectFolder } from './local-cassandra/project.ts';
import { alertsIn, metricsIn, panelsIn, strangersIn, variablesIn, type Metrics } from './ops-check/panels.ts';
import { findTools, onStage, type Stage, type Tools } from './ops-check/stage.ts';

/**
 * `npm run ops:check`: checks the alerts by promtool, and the dashboard by a Prometheus that reads the metrics of a
 * running service; then plants faults in copies of both, which have to be found. The service is in memory; beside it a
 * stand-in gives the metrics of one whose Cassandra fails now and then.
 */

const SECONDS = 20;

const ops = join(projectFolder, 'ops');
const read = (name: string): string => readFileSync(join(ops, name), 'utf8');

const FAULTS_OF_ALERTS: readonly Fault[] = [
  { file: 'alerts.yaml', from: 'sum by (le)', to: 'sum by le', found: /parse error/ },
  { file: 'alerts.yaml', from: '$labels.instance', to: '$label.instance', found: /undefined variable/ },
  { file: 'alerts.yaml', from: 'route=~"/api/.*", ', to: '', found: /MessengerFails/ },
  { file: 'alerts.yaml', from: '> 0.05', to: '> 0.5', found: /CassandraNodeIsSlow/ },
  { file: 'alerts.yaml', from: 'outcome!="ok"', to: 'outcome="error"', found: /CassandraFails/ },
  { file: 'alerts.yaml', from: '== 0', to: '< 0', found: /CassandraNotConnected/ },
  { file: 'alerts.yaml', from: '> 0.2\n        for: 5m', to: '> 0.01\n        for: 5m', found: /EventLoop/ },
];

const FAULTS_OF_CONFIGURATION: readonly Fault[] = [
  { file: 'prometheus.yml', from: 'scrape_interval', to: 'scrape_intervall', found: /scrape_intervall/ },
  { file: 'prometheus.yml', from: '- alerts.yaml', to: '- alarms.yaml', found: /alarms\.yaml/ },
];

const FAULTS_OF_METRICS: readonly Fault[] = [
  {
    file: '/metrics',
    from: 'cassandra_retries_total',
    to: 'cassandra_retries',
    found: /counter metrics should have "_total" suffix/,
  },
];

const FAULTS_OF_PANELS: readonly Fault[] = [
  {
    file: 'dashboard.json',
    from: 'cassandra_retries_total',
    to: 'cassandra_retry_total',
    found: /“Retries .* names cassandra_retry_total, which is not there/,
  },
  {
    file: 'dashboard.json',
    from: 'sum by (route)',
    to: 'sum by route',
    found: /“Share that ends with a 5xx, by route” can't be asked for: .*parse error/,
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
    found: /“Job” names messenger_room, which is not there/,
  },
  {
    file: 'dashboard.json',
    from: 'sum by (le, statement)',
    to: 'sum by (statement)',
    found: /“Time of statements, p99 by statement” has no data/,
  },
];

const tools = await findTools();
const missing =
  'It needs Prometheus with its promtool; install the Debian package prometheus, or run apt-get update, so that it can ' +
  'be fetched.';
process.exitCode = await runChecks(tools === null ? missing : null, (note) => check(tools!, note));

async function check(tools: Tools, noteFlaw: Note): Promise<void> {
  const note = (name: string, flaws: readonly string[]): void => noteFlaw(name, flaws.join('\n'));
  note('the alerts fire when they should, and only then', await flawsOfAlerts(tools, ops));
  for (const fault of [...FAULTS_OF_ALERTS, ...FAULTS_OF_CONFIGURATION])
    note(titleOf(fault), missed(fault, await flawsOfPlanted(tools, fault)));

  await onStage(tools, SECONDS, async (stage) => {
    const [text = '', ...others] = await stage.texts();
    const flaws = await Promise.all([text, ...others].map((each) => flawsOfMetrics(tools, each)));
    note('the metrics are named and described as they should be', flaws.flat());
    for (const fault of FAULTS_OF_METRICS) {
      note(titleOf(fault), missed(fault, await flawsOfMetrics(tools, planted(text, fault))));
    }
    note('the dashboard shows data in every panel', await flawsOfPanels(stage, read('dashboard.json')));
    for (const fault of FAULTS_OF_PANELS) {
      const flaws = await flawsOfPanels(stage, planted(read(fault.file), fault));
      note(titleOf(fault), missed(fault, flaws));
    }
    note('the alerts ask for what there is', await flawsOfExpressions(stage));
  });
}

/** What promtool has against the configuration in a folder with its alerts, or against their tests. */
async function flawsOfAlerts({ promtool }: Tools, folder: string): Promise<string[]> {
  const checked = await run(promtool, ['check', 'config', 'prometheus.yml'], { cwd: folder });
  return checked.code === 0
    ? flawsIn(await run(promtool, ['test', 'rules', 'alerts.test.yaml'], { cwd: folder }))
    : flawsIn(checked);
}

function flawsIn({ code, output }: Run): string[] {
  return code === 0 ? [] : [output];
}

/** What is said instead of the fault; nothing where it is found. */
function missed({ found }: Fault, flaws: readonly string[]): string[] {
  return flaws.some((flaw) => found.test(flaw)) ? [] : ['It finds:', ...flaws];
}

/** What promtool has against a copy of the alerts with a fault. */
async function flawsOfPlanted(tools: Tools, fault: Fault): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-ops-'));
  try {
    cpSync(ops, folder, { recursive: true });
    writeFileSync(join(folder, fault.file), planted(read(fault.file), fault));
    return await flawsOfAlerts(tools, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What promtool has against the text of metrics. */
async function flawsOfMetrics({ promtool }: Tools, text: string): Promise<string[]> {
  return flawsIn(await run(promtool, ['check', 'metrics'], { input: text }));
}

async function flawsOfPanels(stage: Stage, dashboard: string): Promise<string[]> {
  const metrics = metricsIn(await stage.texts());
  const flaws = variablesIn(dashboard)
    .filter(({ metric }) => !metrics.has(metric))
    .map(({ label, metric }) => `“${label}” names ${metric}, which is not there`);
  for (const { title, queries } of panelsIn(dashboard)) {
    for (const expr of queries) flaws.push(...(await flawsOf(stage, metrics, `“${title}”`, expr)));
  }
  return flaws;
}

async function flawsOfExpressions(stage: Stage): Promise<string[]> {
  const metrics = metricsIn(await stage.texts());
  const flaws: string[] = [];
  for (const { name, sides } of alertsIn(await stage.rules())) {
    for (const expr of sides) flaws.push(...(await flawsOf(stage, metrics, name, expr)));
  }
  return flaws;
}

/** What is wrong with an expression: it names what is not there, can't be read, or gives nothing. */
async function flawsOf(stage: Stage, metrics: Metrics, who: string, expr: string): Promise<string[]> {
  const strangers = strangersIn(expr, metrics);
  if (strangers.length > 0) return [`${who} names ${strangers.join(' and ')}, which is not there`];
  try {
    const series = await stage.query(expr);
    const values = series.flatMap((line) => line.values.map(([, value]) => Number(value)));
    return values.some((value) => Number.isFinite(value)) ? [] : [`${who} has no data: ${expr}`];
  } catch (error) {
    return [`${who} can't be asked for: ${(error as Error).message}`];
  }
}
