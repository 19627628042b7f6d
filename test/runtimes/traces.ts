import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';
import { openCollector, type Collector, type SentSpan } from './collector.ts';
import { installRuntimes, runtimes, type Runtime } from './runtimes.ts';
import { startService, type RunningService } from './service.ts';

type Settings = Readonly<Record<string, string>>;

/** Clauses about traces with their checks. */
export type TraceChecks = readonly (readonly [name: string, check: () => Promise<void>])[];

/** An installation of the service with a version of Node that supports the OpenTelemetry packages. */
export interface TracedService {
  /** The folder of the installation, and the path of its Node. */
  readonly folder: string;
  readonly node: string;
  /** `runtime` in the folder of that installation. */
  readonly on: (runtime: Runtime) => Runtime;
  /** Removes the optional packages, except the one that other packages need. */
  readonly removePackages: () => void;
  readonly remove: () => void;
}

/**
 * Installs these parts of the project with Node 24 in a separate folder. npm omits packages that do not support the running
 * Node, so the installation of the project may lack them.
 */
export function installTraced(parts = ['src', join('dist', 'src')]): TracedService {
  installRuntimes();
  const newNode = runtimeNamed('Node 24');
  const folder = mkdtempSync(join(tmpdir(), 'messenger-traced-'));
  for (const part of ['package.json', 'package-lock.json', '.npmrc', ...parts]) {
    cpSync(join(projectFolder, part), join(folder, part), { recursive: true });
  }
  const PATH = [dirname(newNode.command.program), process.env['PATH']].join(delimiter);
  const { status } = spawnSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    env: { ...process.env, PATH },
    stdio: 'inherit',
  });
  assert.equal(status, 0, 'npm ci --omit=dev');
  const packages = join(folder, 'node_modules', '@opentelemetry');
  return {
    folder,
    node: newNode.command.program,
    on: (runtime) => ({ ...runtime, command: { ...runtime.command, cwd: folder } }),
    removePackages() {
      for (const name of readdirSync(packages)) {
        if (name !== 'api') rmSync(join(packages, name), { recursive: true });
      }
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function runtimeNamed(name: string): Runtime {
  return runtimes().find((runtime) => runtime.name === name)!;
}

/** The runtimes that support the OpenTelemetry packages. */
const TRACED = ['Node 24', 'Bun', 'Deno'];

/** The checks for each runtime, with working storage. */
export function checksOn(traced: TracedService, settings: Settings): TraceChecks {
  const storage = settings['STORAGE'] === 'cassandra' ? 'Cassandra' : 'memory';
  return runtimes()
    .filter(({ name }) => TRACED.includes(name))
    .map((runtime) => [
      `${runtime.name}, ${storage}: a trace links the request to each statement, and contains no values`,
      () => assertTraced(traced.on(runtime), settings),
    ]);
}

/** The other checks. The last ones remove the packages. */
export function otherChecks(traced: TracedService): TraceChecks {
  const node20 = traced.on(runtimeNamed('Node 20'));
  const node24 = traced.on(runtimeNamed('Node 24'));
  // Nothing listens there.
  const unusedUrl = { STORAGE: 'memory', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
  const refuses = async (runtime: Runtime, settings: Settings, message: RegExp): Promise<void> => {
    const outcome = await startService(runtime, settings).then(
      async (service) => `started, and ended with ${await service.end('SIGKILL')}`,
      (error: unknown) => (error as Error).message,
    );
    assert.match(outcome, / ended with 1:\n/);
    assert.match(outcome, message);
  };
  return [
    ['a failure is an error in its trace', () => assertErrorsRecorded(node24)],
    ['the OpenTelemetry variables are applied', () => assertVariablesApplied(node24)],
    [
      'a collector that hangs delays nothing',
      () =>
        withCollector({ hangs: true }, ({ url }) =>
          assertStops(node24, { ...unusedUrl, OTEL_EXPORTER_OTLP_ENDPOINT: url }),
        ),
    ],
    ['an unreachable collector delays nothing', () => assertStops(node24, { ...unusedUrl, ...FAST_EXPORT })],
    [
      'Node 20 reports the required version',
      () => refuses(node20, unusedUrl, /tracing needs Node 22\.15 or newer/),
    ],
    [
      'without a collector no OpenTelemetry package is loaded',
      async () => {
        traced.removePackages();
        await withService(node24, { STORAGE: 'memory' }, async (service) => {
          await sendMessage(service, {});
        });
      },
    ],
    [
      'missing packages are reported',
      () => refuses(node24, unusedUrl, /optional packages for tracing are not installed/),
    ],
  ];
}

async function withCollector(
  options: { hangs?: boolean },
  work: (collector: Collector) => Promise<void>,
): Promise<void> {
  const collector = await openCollector(options);
  try {
    await work(collector);
  } finally {
    await collector.close();
  }
}

/** Starts a service, runs `work`, and requires that the service then stops with exit code 0. */
async function withService(
  runtime: Runtime,
  settings: Settings,
  work: (service: RunningService) => Promise<void>,
  probe?: string,
): Promise<void> {
  const service = await startService(runtime, settings, probe);
  try {
    await work(service);
    assert.equal(await service.end('SIGTERM'), 0, service.lastLines());
  } finally {
    await service.end('SIGKILL');
  }
}

/** Values that a trace must not contain. */
interface Values {
  readonly sender: string;
  readonly receiver: string;
  readonly content: string;
  readonly key: string;
  readonly bearer: string;
}

function freshValues(): Values {
  const value = (name: string): string => `${name}-${randomUUID()}`;
  return {
    sender: value('sender'),
    receiver: value('receiver'),
    content: value('content'),
    key: value('key'),
    bearer: value('bearer'),
  };
}

async function sendMessage(
  { url }: RunningService,
  headers: Readonly<Record<string, string>>,
  { sender, receiver, content, key, bearer } = freshValues(),
): Promise<{ id: string; conversation_id: string }> {
  const answer = await fetch(`${url}/api/messages`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
      Authorization: `Bearer ${bearer}`,
      ...headers,
    },
    body: JSON.stringify({ sender_id: sender, receiver_id: receiver, content }),
  });
  assert.equal(answer.status, 201);
  return (await answer.json()) as { id: string; conversation_id: string };
}

async function statusOf(url: string, method = 'GET'): Promise<number> {
  const answer = await fetch(url, { method });
  await answer.arrayBuffer();
  return answer.status;
}

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const TRACEPARENT = { traceparent: `00-${TRACE.traceId}-${TRACE.spanId}-01` };

const SPECULATIONS = 'cassandra.speculative_execution.count';

/** The name of a statement: a verb and a table. */
const STATEMENT = /^(?:SELECT|INSERT|UPDATE|BATCH) [a-z_]+$/;

async function assertTraced(runtime: Runtime, settings: Settings): Promise<void> {
  await withCollector({}, async (collector) => {
    const values = freshValues();
    const unknownUser = `nobody-${randomUUID()}`;
    const secrets: string[] = [...Object.values(values), unknownUser];
    await withService(
      runtime,
      { ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      async (service) => {
        const message = await sendMessage(service, TRACEPARENT, values);
        secrets.push(message.id, message.conversation_id);
        const { url } = service;
        const history = `${url}/api/messages/conversation/${message.conversation_id}`;
        assert.equal(await statusOf(`${history}/before?timestamp=2100-01-01T00:00:00Z&limit=7`), 200);
        assert.equal(await statusOf(`${url}/api/users/${unknownUser}`), 404);
        assert.equal(await statusOf(`${url}/api/${unknownUser}`), 404);
        assert.equal(await statusOf(`${url}/api/messages`, 'PROPFIND'), 405);
      },
    );
    const spans = collector.spans();

    const send = one(spans, 'POST /api/messages');
    assert.deepEqual([send.traceId, send.parentId], [TRACE.traceId, TRACE.spanId]);
    assert.deepEqual(send.attributes, {
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'http.route': '/api/messages',
      'http.response.status_code': 201,
    });
    assert.equal(send.resource['service.name'], 'messenger');
    assert.ok(send.resource['service.version']);
    assertSpanTree(spans, send, 'sendMessage');

    const read = one(spans, 'GET /api/messages/conversation/{conversation_id}/before');
    assert.equal(read.parentId, '');
    assert.notEqual(read.traceId, TRACE.traceId);
    assertSpanTree(spans, read, 'listMessagesBefore');

    const refused = one(spans, 'GET /api/users/{user_id}');
    assert.equal(refused.attributes['http.response.status_code'], 404);
    const { attributes } = assertSpanTree(spans, refused, 'getUser');
    assert.deepEqual(attributes, { 'messenger.refusal': 'user_not_found' });

    assert.equal(one(spans, 'GET').attributes['http.response.status_code'], 404);
    assert.equal(one(spans, 'HTTP').attributes['http.request.method'], '_OTHER');
    assert.deepEqual(
      spans.filter(({ isError }) => isError),
      [],
      'a refusal is no error',
    );

    const statements = spans.filter(({ kind }) => kind === 'client');
    const useCases = spans.filter(({ kind }) => kind === 'internal').map(({ spanId }) => spanId);
    for (const { name, attributes, parentId } of statements) {
      assert.ok(useCases.includes(parentId), `${name} belongs to no use case`);
      assert.match(name, STATEMENT);
      // On a busy host.
      const { [SPECULATIONS]: _, ...rest } = attributes;
      const [operation, table] = name.split(' ');
      assert.deepEqual(rest, {
        'db.system.name': 'cassandra',
        'db.query.summary': name,
        'db.operation.name': operation,
        'db.collection.name': table,
      });
    }
    if (settings['STORAGE'] === 'cassandra') {
      const expected = ['INSERT messages_by_conversation', 'SELECT messages_by_conversation', 'SELECT users'];
      assert.deepEqual(
        expected.filter((name) => !statements.some((statement) => statement.name === name)),
        [],
      );
    } else {
      assert.deepEqual(statements, []);
    }
    // Five requests, three of which call a use case. Health checks are not traced.
    assert.equal(spans.length - statements.length, 8);

    const bytes = collector.bytes();
    for (const value of secrets) assert.ok(!bytes.includes(value), `“${value}” was sent`);
  });
}

function one(spans: readonly SentSpan[], name: string): SentSpan {
  const named = spans.filter((span) => span.name === name);
  assert.equal(named.length, 1, `${name} among ${spans.map((span) => span.name).join(', ')}`);
  return named[0]!;
}

/** Asserts that the use case is the only child of `request`, and the parent of all its statements. */
function assertSpanTree(spans: readonly SentSpan[], request: SentSpan, name: string): SentSpan {
  assert.equal(request.kind, 'server');
  const children = ({ spanId, traceId }: SentSpan): SentSpan[] =>
    spans.filter((span) => span.parentId === spanId && span.traceId === traceId);
  const [useCase, ...others] = children(request);
  assert.deepEqual([useCase?.name, useCase?.kind, others], [name, 'internal', []]);
  const statements = spans.filter(({ traceId, kind }) => traceId === request.traceId && kind === 'client');
  assert.deepEqual(children(useCase!), statements);
  return useCase!;
}

async function assertErrorsRecorded(runtime: Runtime): Promise<void> {
  await withCollector({}, async (collector) => {
    const settings = {
      STORAGE: 'cassandra',
      // Nothing listens there.
      CASSANDRA_CONTACT_POINTS: '127.0.0.1:1',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    };
    const ask = async ({ url }: RunningService): Promise<void> => {
      assert.equal(await statusOf(`${url}/api/users/1`), 503);
    };
    await withService(runtime, settings, ask, '/livez');
    const spans = collector.spans();
    const request = one(spans, 'GET /api/users/{user_id}');
    assert.deepEqual([request.isError, request.attributes['error.type']], [true, '503']);
    const useCase = one(spans, 'getUser');
    assert.deepEqual([useCase.isError, useCase.attributes], [true, { 'error.type': 'unavailable' }]);
  });
}

async function assertVariablesApplied(runtime: Runtime): Promise<void> {
  await withCollector({}, async (collector) => {
    const settings = {
      STORAGE: 'memory',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'chat',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging',
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    };
    await withService(runtime, settings, async (service) => {
      await sendMessage(service, {});
      await sendMessage(service, TRACEPARENT);
    });
    const spans = collector.spans();
    assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([TRACE.traceId]));
    const [{ resource } = assert.fail('nothing was sent')] = spans;
    assert.equal(resource['service.name'], 'chat');
    assert.equal(resource['deployment.environment.name'], 'staging');
  });
}

/** One second until connections close, at most two for traces, and the rest for a busy host; an export takes up to ten. */
const STOPS_WITHIN_MS = 8_000;

/** Each span is exported alone, with a short timeout. */
const FAST_EXPORT: Settings = { OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_EXPORTER_OTLP_TIMEOUT: '300' };

const REQUESTS = 20;

async function assertStops(runtime: Runtime, settings: Settings): Promise<void> {
  await withService(runtime, settings, async (service) => {
    for (let sent = 0; sent < REQUESTS; sent += 1) await sendMessage(service, {});
    const signalled = performance.now();
    assert.equal(await service.end('SIGTERM'), 0, service.lastLines());
    const took = performance.now() - signalled;
    assert.ok(took < STOPS_WITHIN_MS, `it took ${took.toFixed(0)} ms`);
    const lines = service.lastLines(Infinity).match(/Traces could not be sent/g);
    assert.equal(lines?.length, 1, service.lastLines(Infinity));
  });
}
