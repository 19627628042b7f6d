import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Contract } from '../../contracts/contract.ts';
import {
  sendRequest,
  assertFieldErrors,
  freshUser,
  freshUsers,
  get,
  historyOf,
  inboxOf,
  messagesAt,
  problemIn,
  rowsAt,
  send,
  sendMany,
  type Fetch,
  type InboxRow,
  type Message,
  type Page,
} from '../client.ts';

/** Each route with pages, with a list of three items. */
async function threeOfEach(fetch: Fetch): Promise<string[]> {
  const [alice, bob] = freshUsers();
  const [newest] = await sendMany(fetch, alice, bob, 3);
  await send(fetch, alice, freshUser());
  await send(fetch, alice, freshUser());
  const history = historyOf(newest!.conversation_id);
  return [`${history}?`, `${history}/before?timestamp=2100-01-01T00:00:00Z&`, `${inboxOf(alice)}?`];
}

async function pageAt(fetch: Fetch, path: string): Promise<Page<Message | InboxRow>> {
  const { status, text, body } = await get(fetch, path);
  assert.equal(status, 200, text);
  return body as Page<Message | InboxRow>;
}

/** The items of all pages from `first` on; `next` returns the path of the following page, or null after the last. */
async function walk<Item>(
  read: (path: string) => Promise<Page<Item>>,
  first: string,
  next: (page: Page<Item>, number: number) => string | null,
): Promise<Item[]> {
  const items: Item[] = [];
  let path: string | null = first;
  for (let number = 1; path !== null; number += 1) {
    assert.ok(number <= 200, 'a walk that does not end');
    const page: Page<Item> = await read(path);
    assert.ok(page.data.length <= page.limit);
    items.push(...page.data);
    path = next(page, number);
  }
  return items;
}

const CURSOR_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');

/** Few runs, because the store may be behind a network. */
const RUNS = { numRuns: 8 };

export const pagesContract = {
  'a page has at most 20 items by default, and reports its limit': async (fetch) => {
    const [alice, bob] = freshUsers();
    const sent = await sendMany(fetch, alice, bob, 21);
    const history = historyOf(sent[0]!.conversation_id);
    const { data, limit, next_cursor, ...rest } = await messagesAt(fetch, history);
    assert.deepEqual(data, sent.slice(0, 20));
    assert.equal(limit, 20);
    assert.match(next_cursor ?? '', /^[A-Za-z0-9_-]{28}$/);
    assert.deepEqual(rest, {});
    assert.deepEqual(await messagesAt(fetch, `${history}?limit=100`), {
      data: sent,
      limit: 100,
      next_cursor: null,
    });
    assert.equal((await messagesAt(fetch, `${history}?limit=1`)).data.length, 1);
  },

  'a page that ends at the end of its list is the last page': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      assert.equal((await pageAt(fetch, `${list}limit=3`)).next_cursor, null);
      assert.notEqual((await pageAt(fetch, `${list}limit=2`)).next_cursor, null);
    }
  },

  'a limit is a whole number from 1 to 100': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      for (const limit of [
        '',
        '0',
        '101',
        '-1',
        '1.0',
        '1e1',
        'ten',
        '+5',
        '%205',
        '٣',
        '0x10',
        '9'.repeat(400),
      ]) {
        assertFieldErrors(await get(fetch, `${list}limit=${limit}`), 'parameter limit');
      }
      assertFieldErrors(await get(fetch, `${list}limit=1&limit=2`), 'parameter limit');
    }
  },

  'a numbered page reports its number': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      const { data: all } = await pageAt(fetch, list);
      const second = await pageAt(fetch, `${list}limit=2&page=2`);
      assert.deepEqual(second, { data: [all[2]], limit: 2, page: 2, next_cursor: null });
      const third = await pageAt(fetch, `${list}limit=2&page=3`);
      assert.deepEqual(third, { data: [], limit: 2, page: 3, next_cursor: null });
    }
  },

  'a numbered page has a cursor to continue': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      const { data: all } = await pageAt(fetch, list);
      const { next_cursor } = await pageAt(fetch, `${list}limit=1&page=2`);
      assert.deepEqual((await pageAt(fetch, `${list}cursor=${next_cursor}`)).data, all.slice(2));
    }
  },

  'a page number is a whole number from 1': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      for (const page of ['', '0', '-1', '1.5', 'first', 'NaN', 'Infinity']) {
        assertFieldErrors(await get(fetch, `${list}page=${page}`), 'parameter page');
      }
      assertFieldErrors(await get(fetch, `${list}page=1&page=1`), 'parameter page');
    }
  },

  'a page number and a cursor together are refused': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      const { next_cursor } = await pageAt(fetch, `${list}limit=1`);
      assertFieldErrors(await get(fetch, `${list}page=1&cursor=${next_cursor}`), 'parameter page');
    }
  },

  'page numbers cover the first 2,000 rows; beyond them the error refers to cursors': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      await pageAt(fetch, `${list}limit=100&page=20`);
      await pageAt(fetch, `${list}limit=1&page=2000`);
      for (const deeper of [
        'limit=100&page=21',
        'limit=1&page=2001',
        'page=101',
        `page=${'9'.repeat(400)}`,
      ]) {
        const { detail, errors } = problemIn(await get(fetch, list + deeper), 400, 'page-too-deep');
        assert.match(detail, /cursor/);
        assert.deepEqual(
          errors?.map(({ parameter }) => parameter),
          ['page'],
        );
      }
    }
  },

  'unknown parameters are ignored': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      const known = await pageAt(fetch, `${list}limit=2`);
      const path = `${list}limit=2&offset=7&offset=8&__proto__=1&constructor=2&%zz=%zz&=&&limit[]=3`;
      assert.deepEqual(await pageAt(fetch, path), known);
    }
  },

  'a cursor is valid only for its list': async (fetch) => {
    const alice = freshUser();
    const [newest] = await sendMany(fetch, alice, freshUser(), 2);
    const [other] = await sendMany(fetch, alice, freshUser(), 2);
    const lists = [historyOf(newest!.conversation_id), historyOf(other!.conversation_id), inboxOf(alice)];
    for (const own of lists) {
      const { next_cursor } = await pageAt(fetch, `${own}?limit=1`);
      for (const list of [...lists, inboxOf(other!.receiver_id!)]) {
        const answer = await get(fetch, `${list}?cursor=${next_cursor}`);
        if (list === own) assert.equal(answer.status, 200);
        else {
          const { errors } = problemIn(answer, 400, 'invalid-cursor');
          assert.deepEqual(
            errors?.map(({ parameter }) => parameter),
            ['cursor'],
          );
        }
      }
    }
  },

  'cursors of a history and of the same history before a time are interchangeable': async (fetch) => {
    const [, history, before] = (await threeOfEach(fetch)).map((list, n, lists) => lists[(n + 2) % 3]!);
    for (const [from, to] of [
      [history!, before!],
      [before!, history!],
    ] as const) {
      const { data: all } = await pageAt(fetch, from);
      const { next_cursor } = await pageAt(fetch, `${from}limit=1`);
      assert.deepEqual((await pageAt(fetch, `${to}cursor=${next_cursor}`)).data, all.slice(1));
    }
  },

  'a cursor that was changed in any character is refused': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      const cursor = (await pageAt(fetch, `${list}limit=1`)).next_cursor!;
      const others = fc.array(fc.constantFrom(...CURSOR_CHARACTERS), { minLength: 32, maxLength: 32 });
      await fc.assert(
        fc.asyncProperty(others, async (characters) => {
          const changed = characters
            .map((other, at) => cursor.slice(0, at) + other + cursor.slice(at + 1))
            .filter((other) => other !== cursor);
          const answers = await Promise.all(changed.map((other) => get(fetch, `${list}cursor=${other}`)));
          for (const answer of answers) problemIn(answer, 400, 'invalid-cursor');
        }),
        { numRuns: 4 },
      );
    }
  },

  'an invalid cursor is refused': async (fetch) => {
    for (const list of await threeOfEach(fetch)) {
      const cursor = (await pageAt(fetch, `${list}limit=1`)).next_cursor!;
      const strange = [
        '',
        '1',
        'null',
        cursor.slice(1),
        cursor.slice(0, -1),
        `${cursor}=`,
        `${cursor}AAAA`,
        `%20${cursor}`,
        `${cursor}%0A`,
        cursor.toLowerCase(),
        cursor.split('').reverse().join(''),
        'A'.repeat(32),
        '_'.repeat(32),
        'A'.repeat(10_000),
        '%00'.repeat(32),
        '%zz',
      ];
      for (const other of strange) {
        problemIn(await get(fetch, `${list}cursor=${other}`), 400, 'invalid-cursor');
      }
      assertFieldErrors(await get(fetch, `${list}cursor=${cursor}&cursor=${cursor}`), 'parameter cursor');
    }
  },

  'pages of any size together are the whole history, by cursor, by time and by number': async (fetch) => {
    const [alice, bob] = freshUsers();
    const sent = await sendMany(fetch, alice, bob, 45);
    const history = historyOf(sent[0]!.conversation_id);
    const read = (path: string) => messagesAt(fetch, path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), async (limit) => {
        const top = `${history}?limit=${limit}`;
        const byCursor = await walk(
          read,
          top,
          ({ next_cursor }) => next_cursor && `${top}&cursor=${next_cursor}`,
        );
        assert.deepEqual(byCursor, sent);
        const byNumber = await walk(
          read,
          `${top}&page=1`,
          ({ next_cursor }, number) => next_cursor && `${top}&page=${number + 1}`,
        );
        assert.deepEqual(byNumber, sent);
        const before = `${history}/before?limit=${limit}&before_timestamp=`;
        const byTime = await walk(read, `${before}2100-01-01T00:00:00Z`, ({ data }) => {
          const last = data.at(-1);
          return last === undefined ? null : before + last.created_at;
        });
        assert.deepEqual(byTime, sent);
      }),
      RUNS,
    );
  },

  'pages of any size together are the whole inbox, by cursor and by number': async (fetch) => {
    const alice = freshUser();
    const latest = new Map<string, Message>();
    for (let n = 0; n < 23; n += 1) {
      const started = await sendRequest(fetch, 'POST', '/api/conversations', {
        body: { participant_ids: [alice, `${alice}-${n}`] },
      });
      assert.equal(started.status, 201);
    }
    for (let n = 0; n < 40; n += 1) {
      const message = await send(fetch, alice, `${alice}-${(n * 7) % 17}`);
      latest.delete(message.conversation_id);
      latest.set(message.conversation_id, message);
    }
    const read = (path: string) => rowsAt(fetch, path);
    const { data: all } = await read(`${inboxOf(alice)}?limit=100`);
    assert.deepEqual(
      all.slice(0, 17).map((row) => row.last_message_id),
      [...latest.values()].reverse().map(({ id }) => id),
    );
    assert.deepEqual(
      all.slice(17).map((row) => row.other_user_id),
      [22, 21, 20, 19, 18, 17].map((n) => `${alice}-${n}`),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (limit) => {
        const top = `${inboxOf(alice)}?limit=${limit}`;
        const byCursor = await walk(
          read,
          top,
          ({ next_cursor }) => next_cursor && `${top}&cursor=${next_cursor}`,
        );
        assert.deepEqual(byCursor, all);
        const byNumber = await walk(
          read,
          `${top}&page=1`,
          ({ next_cursor }, number) => next_cursor && `${top}&page=${number + 1}`,
        );
        assert.deepEqual(byNumber, all);
      }),
      RUNS,
    );
  },

  'a conversation that moves during paging is not repeated, and is on top of the next read': async (
    fetch,
  ) => {
    const alice = freshUser();
    const [a, b, c, d] = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => send(fetch, alice, `${alice}-${name}`)),
    ).then((sent) => sent.sort((one, other) => (one.id < other.id ? 1 : -1)));
    const top = `${inboxOf(alice)}?limit=2`;
    const first = await rowsAt(fetch, top);
    assert.deepEqual(
      first.data.map(({ id }) => id),
      [a!.conversation_id, b!.conversation_id],
    );
    await send(fetch, a!.receiver_id!, alice, 'me first');
    await send(fetch, d!.receiver_id!, alice, 'me too');
    const second = await rowsAt(fetch, `${top}&cursor=${first.next_cursor}`);
    assert.deepEqual(
      second.data.map(({ id }) => id),
      [c!.conversation_id],
    );
    assert.deepEqual(
      (await rowsAt(fetch, top)).data.map(({ id }) => id),
      [d!.conversation_id, a!.conversation_id],
    );
  },
} satisfies Contract<Fetch>;
