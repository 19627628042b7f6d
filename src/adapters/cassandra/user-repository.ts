import type { types } from 'cassandra-driver';
import type { UserRepository } from '../../application/ports/user-repository.ts';
import type { UserId } from '../../domain/ids.ts';
import type { User } from '../../domain/user.ts';
import { prepared } from './prepared-statements.ts';
import type { Row, Session } from './session.ts';

const ADD = prepared(`
  INSERT INTO users (user_id, username, created, version) VALUES (?, ?, ?, 1) IF NOT EXISTS`);

/** A transaction that a node applies late or twice finds another version, so it can't undo a later save. */
const RENAME = prepared(`
  UPDATE users SET username = ?, version = ? WHERE user_id = ? IF version = ?`);

const USER = prepared(`
  SELECT username, created FROM users WHERE user_id = ?`);

/** Stores users in Cassandra, only with lightweight transactions. */
export class CassandraUserRepository implements UserRepository {
  readonly #session: Session;

  constructor(deps: { session: Session }) {
    this.#session = deps.session;
  }

  async find(id: UserId): Promise<User | null> {
    const [row] = await this.#session.read(USER, [id]);
    return row === undefined ? null : userOf(id, row);
  }

  async save(user: User): Promise<{ user: User; created: boolean }> {
    const { id, username, createdAt } = user;
    const writes = this.#session.writes();
    const first = await writes.compareAndSet(ADD, [id, username, createdAt]);
    if (first['[applied]'] === true) return { user, created: true };
    // An earlier attempt that timed out may have added the row.
    if (first['version'] === 1 && createdAtOf(first) === createdAt && first['username'] === username) {
      return { user, created: true };
    }
    for (let row = first; row['[applied]'] !== true;) {
      const version = row['version'] as number | null | undefined;
      // The row no longer exists: the table was truncated.
      if (typeof version !== 'number') return this.save(user);
      row = await writes.compareAndSet(RENAME, [username, version + 1, id, version]);
    }
    return { user: { id, username, createdAt: createdAtOf(first) }, created: false };
  }
}

function createdAtOf(row: Row): number {
  return (row['created'] as types.Long).toNumber();
}

function userOf(id: UserId, row: Row): User {
  return {
    id,
    username: row['username'] as string,
    createdAt: createdAtOf(row),
  };
}
