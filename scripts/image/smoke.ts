import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/*
 * What a messenger at an address does, from outside. Knows nothing of the code, so that it runs by itself:
 * `node scripts/image/smoke.ts http://…` says whether it serves; with `--trickle` it goes on asking until SIGTERM,
 * and then says how many requests failed.
 */

interface Answer {
  readonly status: number;
  readonly body: string;
}

const READY_WITHIN_MS = 60_000;
const ANSWER_WITHIN_MS = 10_000;
const TRICKLE_EVERY_MS = 50;

/** Waits until the messenger is ready, and sends a message through it. Throws an `Error` that says what is amiss. */
export async function smoke(url: string): Promise<void> {
  await ready(url);
  const [alice, bob] = [`smoke-${randomUUID()}`, `smoke-${randomUUID()}`];
  const sent = await send(url, alice, bob);
  const history = await listed(`${url}/api/messages/conversation/${sent.conversation_id}`);
  expectThat(history.length === 1 && history[0]?.['id'] === sent.id, 'the message is not in its history');
  for (const user of [alice, bob]) {
    const inbox = await listed(`${url}/api/conversations/user/${user}`);
    expectThat(inbox[0]?.['last_message_id'] === sent.id, 'the message is not on top of an inbox');
  }
  const { status, body } = await ask(`${url}/api/messages`, { sender_id: alice });
  expectThat(
    status === 400 && body.includes('urn:problem:'),
    `half a message gives ${status}, not a problem`,
  );
}

/** Sends and reads, each over a connection of its own, until `signal`; gives what was asked and what failed. */
async function trickle(url: string, signal: AbortSignal): Promise<{ asked: number; failures: string[] }> {
  const [alice, bob] = [`trickle-${randomUUID()}`, `trickle-${randomUUID()}`];
  const failures: string[] = [];
  let asked = 0;
  while (!signal.aborted) {
    asked += 2;
    await send(url, alice, bob)
      .then(({ id }) =>
        listed(`${url}/api/conversations/user/${bob}`).then((inbox) =>
          expectThat(inbox[0]?.['last_message_id'] === id, 'a message is missing'),
        ),
      )
      .catch((error: unknown) => failures.push((error as Error).message));
    await pause(TRICKLE_EVERY_MS);
  }
  return { asked, failures };
}

async function ready(url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const last = await ask(`${url}/readyz`).catch((error: unknown) => (error as Error).message);
    if (typeof last !== 'string' && last.status === 200) return;
    const seen = typeof last === 'string' ? last : last.body;
    expectThat(performance.now() < deadline, `it is not ready within a minute: ${seen}`);
    await pause(200);
  }
}

async function send(
  url: string,
  from: string,
  to: string,
): Promise<{ readonly id: string; readonly conversation_id: string }> {
  const { status, body } = await ask(`${url}/api/messages`, {
    sender_id: from,
    receiver_id: to,
    content: 'Tea at four?',
  });
  expectThat(status === 201, `a send gives ${status}: ${body}`);
  return JSON.parse(body);
}

async function listed(url: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { status, body } = await ask(url);
  expectThat(status === 200, `a list gives ${status}: ${body}`);
  return JSON.parse(body).data;
}

/** A GET, or with a body a POST. No connection is kept, so that each request is spread anew. */
function ask(url: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
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
    asked.once('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function expectThat(fact: boolean, otherwise: string): void {
  if (!fact) throw new Error(otherwise);
}

async function main(): Promise<number> {
  const [url, option] = process.argv.slice(2);
  if (url === undefined || (option !== undefined && option !== '--trickle')) {
    console.error('usage: node scripts/image/smoke.ts URL [--trickle]');
    return 2;
  }
  if (option === undefined) {
    const flaw = await smoke(url).then(
      () => null,
      (error: unknown) => (error as Error).message,
    );
    console.log(flaw ?? `${url} takes messages and gives them back`);
    return flaw === null ? 0 : 1;
  }
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ending.abort());
  const { asked, failures } = await trickle(url, ending.signal);
  console.log(`${asked} requests, ${failures.length} failed`);
  for (const failure of failures.slice(0, 10)) console.error(failure);
  return asked > 0 && failures.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
