import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { createStore, type Store } from '../../client/src/index.ts';
import { ManualTimer, settled } from '../support/client-fakes.ts';
import { GROUPS, ME, ModelService } from '../support/client-model.ts';

const OTHERS = ['ben', 'eve', 'kim', 'lou', 'max', 'zoe'];

function open(choose: (below: number) => number = () => 0) {
  const timer = new ManualTimer();
  const service = new ModelService(choose, timer);
  const client = service.client();
  const store = createStore(client, { pageSize: 3, timer });
  return { timer, service, client, store };
}

/** Requires that what is shown is what the service has. */
function assertConverged(store: Store, service: ModelService): void {
  const { inbox, open, users } = store.getSnapshot();
  const entries = service.inbox();
  assert.equal(inbox.status, 'ready');
  assert.deepEqual(inbox.entries, entries.slice(0, inbox.entries.length));
  assert.equal(inbox.hasMore, inbox.entries.length < entries.length);
  if (open === null) return;
  const messages = service.messages(open.id);
  assert.equal(open.status, 'ready');
  assert.deepEqual(open.messages, messages.slice(messages.length - open.messages.length));
  assert.equal(open.hasOlder, open.messages.length < messages.length);
  assert.deepEqual(open.outgoing, []);
  assert.deepEqual(open.conversation?.read_positions, service.conversation(open.id).read_positions);
  assert.deepEqual(open.conversation?.participant_ids, service.conversation(open.id).participant_ids);
  assert.deepEqual(open.conversation.name, service.conversation(open.id).name);
  for (const { other_user_id } of inbox.entries) assert.ok(other_user_id === null || users[other_user_id]);
}

/** Lets everything arrive. */
async function finish({ timer, service, client, store }: ReturnType<typeof open>): Promise<void> {
  await settled();
  do {
    while (service.reveal());
    while (service.deliver());
    await timer.pass(60_000);
  } while (service.respond() || service.deliver());
  // Those that were sent after leaving.
  for (const { key } of client.outbox.messages()) store.discard(key);
  await timer.pass(60_000);
}

const actions: Readonly<
  Record<string, (the: ReturnType<typeof open>, choose: (below: number) => number) => unknown>
> = {
  'another writes': ({ service }, choose) => service.send(other(choose), other(choose), false),
  'another writes, late': ({ service }, choose) => service.send(other(choose), other(choose), true),
  'own other device writes': ({ service }, choose) => service.send(other(choose), ME, choose(3) === 0),
  'a conversation is started': ({ service }, choose) => service.start(other(choose)),
  'one reads': ({ service }, choose) => service.read(other(choose), ME),
  'another reads': ({ service }, choose) => {
    const conversation = other(choose);
    service.read(conversation, conversation);
  },
  'an edit': ({ service }) => service.change('message.edited'),
  'a deletion': ({ service }) => service.change('message.deleted'),
  'joining or leaving': ({ service }, choose) => service.changeMembership(group(choose)),
  'a change of a group': ({ service }, choose) => service.update(group(choose)),
  'own edit': ({ store }, choose) => changeOwn(store, choose, (id) => store.edit(id, 'edited')),
  'own deletion': ({ store }, choose) => changeOwn(store, choose, (id) => store.delete(id)),
  leave: ({ store }) => isIn(store, GROUPS) && unlessFailing(store.removeParticipant(ME)),
  rename: ({ store }) => isIn(store, GROUPS) && unlessFailing(store.rename('named')),
  reveal: ({ service }) => service.reveal(),
  deliver: ({ service }) => service.deliver(),
  repeat: ({ service }) => service.deliver(true),
  reset: ({ service }) => service.reset(),
  fail: ({ service }) => service.fail(),
  respond: ({ service }) => service.respond(),
  open: ({ store }, choose) => store.open(other(choose)),
  close: ({ store }) => store.close(),
  send: ({ store }, choose) => store.getSnapshot().open && store.send(`own ${choose(3)}`),
  'mark read': ({ store }) => store.markRead(),
  'more conversations': ({ store }) => void store.loadMoreConversations(),
  'older messages': ({ store }) => void store.loadOlderMessages(),
  turn: () => new Promise(setImmediate),
  settle: () => settled(),
  'time passes': ({ timer }) => timer.pass(2_000),
};

const group = (choose: (below: number) => number): string => GROUPS[choose(GROUPS.length)]!;

const isIn = (store: Store, ids: readonly string[]): boolean =>
  ids.includes(store.getSnapshot().open?.id ?? "");

/** Does not wait: requests are answered later. */
const unlessFailing = (change: Promise<unknown>): void => void change.catch(() => undefined);

function changeOwn(
  store: Store,
  choose: (below: number) => number,
  change: (messageId: string) => Promise<void>,
): void {
  const own = (store.getSnapshot().open?.messages ?? []).filter(
    ({ sender_id, content }) => sender_id === ME && content !== null,
  );
  const message = own[choose(own.length)];
  if (message) unlessFailing(change(message.id));
}

const other = (choose: (below: number) => number): string => OTHERS[choose(OTHERS.length)]!;

describe('a store', () => {
  test('shows what the service has, whatever the order of events, repeats, failures and resets', async () => {
    const step = fc.record({
      // Events come more often than anything else.
      action: fc.constantFrom(
        ...Object.keys(actions),
        'another writes',
        'reveal',
        'reveal',
        'deliver',
        'deliver',
      ),
      choice: fc.nat(1_000_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        let seed = 1;
        const choose = (below: number): number => {
          seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
          return below === 0 ? 0 : (seed >>> 8) % below;
        };
        const the = open(choose);
        for (const { action, choice } of steps) {
          seed ^= choice;
          await actions[action]!(the, choose);
        }
        await finish(the);
        assertConverged(the.store, the.service);
        the.store.stop();
      }),
      { numRuns: 500 },
    );
  });
});
