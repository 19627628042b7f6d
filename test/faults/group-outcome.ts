import type { LocalCluster } from '../../scripts/local-cassandra/cluster.ts';
import { eventCursorFrom } from '../../src/adapters/http/event-cursors.ts';
import { MAX_HASHES } from '../../src/domain/event-cursor.ts';
import { latenessLimits, visibilityWindow } from '../../src/domain/event.ts';
import { coversPosition, type Membership } from '../../src/domain/group.ts';
import type { MessageId, UserId } from '../../src/domain/ids.ts';
import { millisecondsOf } from '../../src/domain/time.ts';
import { lateMessagesOf, membersOf } from './events.ts';
import type { SendRequest, Item } from './http.ts';
import type { Attempt, Group } from './load.ts';
import type { Mover } from './membership-changes.ts';
import type { Contents } from './message-changes.ts';
import { each, joined } from './outcome.ts';

/** A group whose stable members send, while others join and leave. */
export interface ChangingGroup {
  /** Its members are those who stay. */
  readonly group: Group;
  readonly movers: readonly Mover[];
  /** One who never joins. */
  readonly nonMember: UserId;
}

/** What is known of the groups after a load. */
interface Known {
  readonly cluster: LocalCluster;
  readonly groups: readonly ChangingGroup[];
  readonly attempts: readonly Attempt[];
  readonly contents: Contents;
  /** A cursor of each user from before the load. */
  readonly cursors: ReadonlyMap<UserId, string>;
  readonly asUser: (userId: UserId) => SendRequest;
  readonly asService: SendRequest;
}

/** A message as a user has it: its id, and its content or null. */
type Shown = ReadonlyMap<string, string | null>;

interface View {
  readonly history: Shown;
  readonly events: Shown;
  readonly entry: Item | null;
}

/** The messages of a group that each mover reads one by one, at most. */
const SINGLE_READS = 20;

/** The members who stay in a group whose views are read before the repair, at most; after it, all are read. */
const READ_BEFORE_REPAIR = 16;

/** At the end of a log, the floor of a cursor is behind the clock by the visibility window and the time of a response. */
const NEAR_END_MS =
  2 * (visibilityWindow(latenessLimits({ requestTimeoutMs: 5_000, maxClockSkewMs: 2_000 })) / 1_000);

/**
 * Reads what each user sees of the groups, and compares it with the ids of messages, joins and departures. Returns what is
 * wrong; `seen` counts what was compared. With `isRepaired`, messages whose sends are not acknowledged have to be shown to
 * all members or to nobody, too.
 */
export async function wrongInGroups(
  known: Known,
  isRepaired: boolean,
): Promise<{ readonly wrong: readonly string[]; readonly compared: string }> {
  const { cluster, groups, attempts, asService } = known;
  const late = await lateMessagesOf(cluster);
  const wrong: string[] = [];
  let [views, messages] = [0, 0];
  for (const { group, movers, nonMember } of groups) {
    const sends = attempts.filter(({ send }) => send?.group?.id === group.id);
    const stored: Shown = shownIn(await joined(asService, `/api/messages/conversation/${group.id}`));
    const memberships = new Map<UserId, Membership>(
      (await membersOf(cluster, group.id)).map((member) => [member.userId, member]),
    );
    const acknowledged = sends.flatMap(({ messageId }) => messageId ?? []);
    const ids = isRepaired ? [...stored.keys()] : acknowledged;
    messages += acknowledged.length;
    wrong.push(
      ...wrongStored(sends, stored, known.contents).map((what) => `the history of the service ${what}`),
      ...movers.flatMap((mover) => wrongMembership(mover, memberships.get(mover.userId), sends)),
    );
    const stable = isRepaired ? group.members : group.members.slice(0, READ_BEFORE_REPAIR);
    const users = [...stable, ...movers.map(({ userId }) => userId), nonMember];
    await each(users, async (userId) => {
      const membership = memberships.get(userId) ?? null;
      const sendRequest = known.asUser(userId);
      const view = await viewOf(sendRequest, group, userId, known.cursors.get(userId)!);
      const found = wrongInView(view, {
        membership,
        ids,
        stored,
        late,
        contents: known.contents,
        isRepaired,
      });
      views += 1;
      if (!group.members.includes(userId)) {
        const some = [...stored.keys()].sort(() => Math.random() - 0.5).slice(0, SINGLE_READS);
        for (const id of some) {
          const path = `/api/conversations/${group.id}/messages/${id}`;
          const { status } = await sendRequest({ method: 'GET', path });
          const isShown = membership !== null && coversPosition(membership, id as MessageId);
          if (status !== (isShown ? 200 : 404)) found.push(`message ${id} is a ${status}`);
        }
      }
      wrong.push(...found.map((what) => `${userId}, ${JSON.stringify(membership)}: ${what}`));
    });
  }
  return {
    wrong,
    compared: `${messages} messages acknowledged, ${views} users: ${wrong.length} contradictions`,
  };
}

async function viewOf(
  sendRequest: SendRequest,
  { id }: Group,
  userId: UserId,
  cursor: string,
): Promise<View> {
  const inbox = await joined(sendRequest, `/api/conversations/user/${userId}`);
  const history = await joined(sendRequest, `/api/messages/conversation/${id}`);
  const entry = inbox.find((row) => row.id === id) ?? null;
  const events: { type: string; data: Item & { conversation_id: string } }[] = [];
  // A batch is also empty if its cursor can hold no more hashes, until the events are older.
  for (let next = cursor, isAtEnd = false; !isAtEnd;) {
    const { body } = await sendRequest({
      method: 'GET',
      path: `/api/events/user/${userId}?limit=100&cursor=${next}`,
    });
    events.push(...(body.data as unknown as typeof events));
    next = body.next_cursor!;
    const { floor, delivered } = eventCursorFrom(userId, next)!;
    const isNearEnd = millisecondsOf(floor) > Date.now() - NEAR_END_MS && delivered.size < MAX_HASHES;
    isAtEnd = body.data.length === 0 && isNearEnd;
  }
  const created = events.filter(
    ({ type, data }) => type === 'message.created' && data.conversation_id === id,
  );
  return {
    history: shownIn(history),
    events: shownIn(created.map(({ data }) => data)),
    entry,
  };
}

function shownIn(messages: readonly Item[]): Shown {
  return new Map(messages.map(({ id, content }) => [id, content]));
}

/** What is wrong in a view of a user with `membership`, to whom `ids` must be shown where it covers them. */
function wrongInView(
  { history, events, entry }: View,
  known: {
    readonly membership: Membership | null;
    readonly ids: readonly string[];
    readonly stored: Shown;
    readonly late: ReadonlySet<string>;
    readonly contents: Contents;
    readonly isRepaired: boolean;
  },
): string[] {
  const { membership, ids, stored, late, contents, isRepaired } = known;
  const isFor = (id: string): boolean => membership !== null && coversPosition(membership, id as MessageId);
  const wrong: string[] = [];
  if ((entry !== null) !== (membership !== null)) wrong.push('the group is in the inbox or not, wrongly');
  for (const [name, shown] of [
    ['history', history],
    ['event log', events],
  ] as const) {
    for (const id of ids) if (isFor(id) && !shown.has(id)) wrong.push(`the ${name} lacks ${id}`);
    for (const [id, content] of shown) {
      if (!isFor(id)) wrong.push(`the ${name} shows ${id} of others`);
      if (!isContent(id, content)) wrong.push(`the ${name} shows ${id} as ${content}`);
    }
  }
  const newest = ids.filter(isFor).sort().at(-1) ?? '';
  const last = entry?.last_message_id ?? '';
  if (last < newest && !late.has(last)) wrong.push(`the inbox shows ${last}, which is before ${newest}`);
  if (last !== '' && !(stored.has(last) && isFor(last))) wrong.push(`the inbox shows ${last} of others`);
  if (last !== '' && !isContent(last, entry!.last_message_content)) {
    wrong.push(`the inbox shows ${last} as ${entry!.last_message_content}`);
  }
  return wrong;

  /** A content that a change has given, and after the repair the same for all. One who has left sees no later content. */
  function isContent(id: string, content: string | null): boolean {
    if (membership?.left != null && content === null) return true;
    const possible = contents.get(id);
    if (isRepaired && membership?.left == null) return content === stored.get(id);
    return possible?.has(content) ?? content === stored.get(id);
  }
}

/**
 * Acknowledged messages that are lost, messages that are stored twice, stored ones whose response denied it, and contents
 * that are not those of the acknowledged changes.
 */
function wrongStored(sends: readonly Attempt[], stored: Shown, contents: Contents): string[] {
  const times = new Map<string, number>();
  for (const content of stored.values()) {
    const original = content?.replace(/, changed.*$/, '');
    if (original !== undefined) times.set(original, (times.get(original) ?? 0) + 1);
  }
  return sends.flatMap(({ send, messageId, problem }) => {
    const count = times.get(send!.content) ?? 0;
    if (messageId !== null && !stored.has(messageId)) return [`lacks ${messageId}`];
    const content = messageId === null ? undefined : stored.get(messageId);
    if (messageId !== null && contents.get(messageId)?.has(content ?? null) === false) {
      return [`has ${messageId} as ${content}`];
    }
    if (count > 1) return [`has "${send!.content}" ${count} times`];
    return problem === 'storage-unavailable' && count > 0 ? [`has "${send!.content}", which was denied`] : [];
  });
}

/** What contradicts the order of acknowledged sends and changes of one user, by their times at the client. */
function wrongMembership(
  { userId, joined, left, isMember }: Mover,
  membership: Membership | undefined,
  sends: readonly Attempt[],
): string[] {
  if ((membership?.left === null) !== isMember) {
    return [`${userId} is ${isMember ? 'not ' : ''}a member`];
  }
  return sends.flatMap(({ at, took, messageId }) => {
    if (messageId === null || membership === undefined) return [];
    return (['joined', 'left'] as const).flatMap((event) => {
      const change = { joined, left }[event];
      const id = membership[event];
      if (change === null || id === null) return [];
      const isAfter = at > change.acknowledged;
      const isBefore = at + took < change.begun;
      if ((isAfter && messageId < id) || (isBefore && messageId > id)) {
        return [`${messageId} was sent ${isAfter ? 'after' : 'before'} ${userId} ${event} with ${id}`];
      }
      return [];
    });
  });
}
