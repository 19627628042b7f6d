import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Client } from 'cassandra-driver';
import { expect, onTestFinished, test } from 'vitest';
import { appendRequest, freshKey, freshUsers, HOUR, idAt, MINUTE, now } from '../contracts/fixtures.ts';
import { freshKeyspace, openClient, openStorage } from './cluster.ts';

/** The folders of the SSTables of `keyspace` on this host; empty if Cassandra runs on another host. */
async function foldersOf(client: Client, keyspace: string): Promise<string[]> {
  const { rows } = await client.execute(
    "SELECT value FROM system_views.settings WHERE name = 'data_file_directories'",
  );
  const [, list = ''] = /^\[(.*)\]$/.exec(String(rows[0]?.['value'])) ?? [];
  return list
    .split(', ')
    .map((folder) => join(folder, keyspace))
    .filter((folder) => existsSync(folder));
}

/** The texts among `texts` that any file below `folders` contains. */
function foundIn(folders: readonly string[], texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      let bytes: Buffer;
      try {
        bytes = readFileSync(join(folder, name));
      } catch {
        // A folder, or a file that a compaction has just removed.
        continue;
      }
      for (const text of texts) if (bytes.includes(text)) found.add(text);
    }
  }
  return [...found].sort();
}

test('the bytes of a deleted message and its edits are in no SSTable after flush and compaction', async (context) => {
  const options = await freshKeyspace();
  const client = await openClient(options);
  const folders = await foldersOf(client, options.keyspace);
  if (folders.length === 0) context.skip('the data folder of Cassandra is not on this host');
  const { rows } = await client.execute(
    'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
    [options.keyspace],
  );
  for (const row of rows) {
    // Legible bytes, a flush every few moments, and a compaction of any two SSTables.
    await client.execute(
      `ALTER TABLE ${String(row['table_name'])} WITH compression = {'enabled': 'false'}
       AND memtable_flush_period_in_ms = 300
       AND compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': 2}`,
    );
  }
  const storage = await openStorage(options);
  onTestFinished(() => storage.close());

  const secrets = ['sent', 'edited', 'unseen'].map((name) => `${name}-${randomUUID()}`).sort();
  const [edited = '', sent = '', unseen = ''] = secrets;
  const users = freshUsers();
  const request = { ...appendRequest(users, idAt(now() - HOUR), sent, freshKey()), isLive: true };
  const { id: messageId, conversationId } = request.message;
  const change = { conversationId, messageId, participants: request.participants };
  const [kept, last] = [`kept-${randomUUID()}`, `last-${randomUUID()}`];
  await storage.messages.append(appendRequest(users, idAt(now() - 2 * HOUR), kept));
  await storage.messages.append(request);
  const inFiles = () => foundIn(folders, [...secrets, kept, last]);
  await expect.poll(inFiles).toEqual([kept, sent]);
  await storage.messages.edit({ ...change, editId: idAt(now()), content: edited });
  await expect.poll(inFiles).toContain(edited);

  await storage.messages.delete({ ...change, deletionId: idAt(now()) });
  // An edit from a moment before or after, and a repeat of the send, arrive after the deletion.
  for (const offset of [-MINUTE, MINUTE, 400 * 24 * HOUR]) {
    await storage.messages.edit({ ...change, editId: idAt(now() + offset), content: unseen });
  }
  await storage.messages.append(request);
  // Once this is in a file, the writes before it are, too.
  await storage.messages.append(appendRequest(users, idAt(now() - HOUR + 1), last));
  await expect.poll(inFiles).toEqual([kept, last]);
});
