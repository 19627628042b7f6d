import { setTimeout as pause } from 'node:timers/promises';
import type { UserId } from '../../src/domain/ids.ts';
import type { SendRequest } from './http.ts';
import { attempt, type Attempt, type Group } from './load.ts';

/** The time of a change with all its attempts: it happened once in between. In times of performance.now(). */
interface Change {
  readonly begun: number;
  readonly acknowledged: number;
}

/** A user who joins and leaves a group again and again. */
export interface Mover {
  readonly group: Group;
  readonly userId: UserId;
  /** The last join; null for one who has never joined, and for one who is a member since the group was created. */
  joined: Change | null;
  /** The last departure; null for one who has not left since joining. */
  left: Change | null;
  isMember: boolean;
}

const REPEAT_AFTER_MS = 200;

/** Lets a mover join or leave; again while there is no response or a 503. Resolves when it is acknowledged. */
export async function move(sendRequest: SendRequest, mover: Mover): Promise<Attempt[]> {
  const { group, userId, isMember } = mover;
  const path = `/api/conversations/${group.id}/participants/${userId}`;
  const attempts: Attempt[] = [];
  const begun = performance.now();
  for (;;) {
    const { result } = await attempt({ kind: 'change of a group' }, () =>
      sendRequest({ method: isMember ? 'DELETE' : 'PUT', path }),
    );
    attempts.push(result);
    if (typeof result.outcome === 'number' && result.outcome < 300) break;
    if (typeof result.outcome === 'number' && result.outcome !== 503) return attempts;
    await pause(REPEAT_AFTER_MS);
  }
  const change = { begun, acknowledged: performance.now() };
  if (isMember) mover.left = change;
  else Object.assign(mover, { joined: change, left: null });
  mover.isMember = !isMember;
  return attempts;
}

/** Lets each mover join and leave, one change after the other, until it is stopped. */
export function startMoves(deps: {
  readonly asService: SendRequest;
  readonly asUser: (userId: UserId) => SendRequest;
  readonly movers: readonly Mover[];
  /** The mean pause after a change, in milliseconds. */
  readonly thinkMs: (mover: Mover) => number;
}): { readonly attempts: readonly Attempt[]; stop(): Promise<void> } {
  const { asService, asUser, movers, thinkMs } = deps;
  const attempts: Attempt[] = [];
  let isStopping = false;
  const running = movers.map(async (mover) => {
    while (!isStopping) {
      await pause(Math.random() * 2 * thinkMs(mover));
      // Who leaves does so, or is removed.
      const sendRequest = mover.isMember && Math.random() < 0.5 ? asUser(mover.userId) : asService;
      attempts.push(...(await move(sendRequest, mover)));
    }
  });
  return {
    attempts,
    async stop() {
      isStopping = true;
      await Promise.all(running);
    },
  };
}
