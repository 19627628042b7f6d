import { strict as assert } from 'node:assert';
import autocannon from 'autocannon';
import { freshUser } from '../http/client.ts';

const CONNECTIONS = 8;
const ROUNDS = 4;
const ROUND_SECONDS = 1.5;

/** As many users as make conversations of some length in which senders seldom meet. */
const USERS = Array.from({ length: 50 }, freshUser);

/** Requests per second at `url`: sends and inboxes in turn. Throws where one was not answered as it should be. */
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

/** How much one service serves in the time in which another serves one: the median of rounds, taken in turn. */
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
