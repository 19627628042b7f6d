import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/*
 * Tests a running messenger by its URL. It imports no code of the project, so it runs standalone:
 * `node scripts/image/smoke.ts http://…` tests once; with `--trickle` it sends requests until SIGTERM, and then prints
 * how many requests failed.
 */

interface Answer {
  readonly status: number;
  readonly body: string;
}

const READY_WITHIN_MS = 60_000;
const ANSWER_WITHIN_MS = 10_000;
const TRICKLE_EVERY_MS = 50;

/** Waits until the messenger is ready, sends a message and reads it. Throws an `Error` that describes a failure. */
export async function smoke(url: string): Promise<void> {
  await untilReady(url);
  const [alice, bob] = [`smoke-${randomUUID()}`, `smoke-${randomUUID()}`];
  const sent = await sendMessage(url, alice, bob);
  const history = await list(`${url}/api/messages/conversation/${sent.conversation_id}`);
  expectThat(history.length === 1 && history[0]?.['id'] === sent.id, 'the message is not in its history');
  for (const user of [alice, bob]) {
    const inbox = await list(`${url}/api/conversations/user/${user}`);
    expectThat(inbox[0]?.['last_message_id'] === sent.id, 'the message is not on top of an inbox');
  }
  const { status, body } = await sendRequest(`${url}/api/messages`, { sender_id: alice });
  expectThat(
    status === 400 && body.includes('urn:problem:'),
    `an incomplete message gets ${status} instead of a problem with status 400`,
  );
}

/** Sends and reads until `signal`, each request on a new connection. Returns the number of requests and failures. */
async function trickle(url: string, signal: AbortSignal): Promise<{ requests: number; failures: string[] }> {
  const [alice, bob] = [`trickle-${randomUUID()}`, `trickle-${randomUUID()}`];
  const failures: string[] = [];
  let requests = 0;
  while (!signal.aborted) {
    requests += 2;
    await sendMessage(url, alice, bob)
      .then(({ id }) =>
        list(`${url}/api/conversations/user/${bob}`).then((inbox) =>
          expectThat(inbox[0]?.['last_message_id'] === id, 'a message is missing'),
        ),
      )
      .catch((error: unknown) => failures.push((error as Error).message));
    await pause(TRICKLE_EVERY_MS);
  }
  return { requests, failures };
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const last = await sendRequest(`${url}/readyz`).catch((error: unknown) => (error as Error).message);
    if (typeof last !== 'string' && last.status === 200) return;
    const lastAnswer = typeof last === 'string' ? last : last.body;
    expectThat(performance.now() < deadline, `it is not ready after a minute: ${lastAnswer}`);
    await pause(200);
  }
}

async function sendMessage(
  url: string,
  from: string,
  to: string,
): Promise<{ readonly id: string; readonly conversation_id: string }> {
  const { status, body } = await sendRequest(`${url}/api/messages`, {
    sender_id: from,
    receiver_id: to,
    content: 'Tea at four?',
  });
  expectThat(status === 201, `a send gets ${status}: ${body}`);
  return JSON.parse(body);
}

async function list(url: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { status, body } = await sendRequest(url);
  expectThat(status === 200, `a list gets ${status}: ${body}`);
  return JSON.parse(body).data;
}

/** Sends a GET, or a POST if there is a body. Connections are not reused, so each request is load-balanced. */
function sendRequest(url: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        agent: false,
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.once('end', () => resolve({ status: answer.statusCode!, body: text }));
        answer.once('error', reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function expectThat(condition: boolean, failure: string): void {
  if (!condition) throw new Error(failure);
}

async function main(): Promise<number> {
  const [url, option] = process.argv.slice(2);
  if (url === undefined || (option !== undefined && option !== '--trickle')) {
    console.error('usage: node scripts/image/smoke.ts URL [--trickle]');
    return 2;
  }
  if (option === undefined) {
    const failure = await smoke(url).then(
      () => null,
      (error: unknown) => (error as Error).message,
    );
    console.log(failure ?? `${url} accepts messages and returns them`);
    return failure === null ? 0 : 1;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
  const { requests, failures } = await trickle(url, stop.signal);
  console.log(`${requests} requests, ${failures.length} failed`);
  for (const failure of failures.slice(0, 10)) console.error(failure);
  return requests > 0 && failures.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
