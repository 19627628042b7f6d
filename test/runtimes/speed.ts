import { strict as assert } from 'node:assert';
import autocannon from 'autocannon';
import { freshUser } from '../http/client.ts';

const CONNECTIONS = 8;
const ROUNDS = 4;
const ROUND_SECONDS = 1.5;

/** Enough users that concurrent sends rarely share a conversation, and few enough for histories of some length. */
const USERS = Array.from({ length: 50 }, freshUser);

/** The throughput at `url`, with sends and inbox reads in turn. Rejects if a request fails. */
async function requestsPerSecond(url: string, seconds: number): Promise<number> {
  const someone = (): string => USERS[Math.floor(Math.random() * USERS.length)]!;
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        path: '/api/messages',
        headers: { 'content-type': 'application/json' },
        setupRequest: (request) => ({
          ...request,
          body: JSON.stringify({ sender_id: someone(), receiver_id: someone(), content: 'Tea at four?' }),
        }),
      },
      {
        method: 'GET',
        setupRequest: (request) => ({ ...request, path: `/api/conversations/user/${someone()}` }),
      },
    ],
  });
  assert.equal(result.non2xx + result.errors, 0, 'requests failed under load');
  return result['2xx'] / result.duration;
}

/** The throughput of one service relative to another: the median of alternating rounds. */
export async function relativeSpeed(url: string, referenceUrl: string): Promise<number> {
  for (const each of [referenceUrl, url]) await requestsPerSecond(each, 1);
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const reference = await requestsPerSecond(referenceUrl, ROUND_SECONDS);
    ratios.push((await requestsPerSecond(url, ROUND_SECONDS)) / reference);
  }
  ratios.sort((a, b) => a - b);
  return (ratios[ROUNDS / 2 - 1]! + ratios[ROUNDS / 2]!) / 2;
}
