import type { types } from 'cassandra-driver';
import type { UserRepository } from '../../application/ports/user-repository.ts';
import type { UserId } from '../../domain/ids.ts';
import type { User } from '../../domain/user.ts';
import type { Row, Session } from './session.ts';

const ADD = `
  INSERT INTO users (user_id, username, created) VALUES (?, ?, ?) IF NOT EXISTS`;

const RENAME = `
  UPDATE users SET username = ? WHERE user_id = ? IF EXISTS`;

const USER = `
  SELECT username, created FROM users WHERE user_id = ?`;

/** The users in Cassandra, written by lightweight transactions alone. */
export class CassandraUserRepository implements UserRepository {
  readonly #session: Session;

  constructor(needs: { session: Session }) {
    this.#session = needs.session;
  }

  async find(id: UserId): Promise<User | null> {
    const [row] = await this.#session.read(USER, [id]);
    return row === undefined ? null : userOf(id, row);
  }

  async save(user: User): Promise<{ user: User; created: boolean }> {
    const { id, username, createdAt } = user;
    const writes = this.#session.writes();
    const added = await writes.decide(ADD, [id, username, createdAt]);
    if (added['[applied]'] === true) return { user, created: true };
    const there = userOf(id, added);
    // An attempt without an answer may have been the one that added it.
    if (there.createdAt === createdAt && there.username === username) return { user, created: true };
    await writes.decide(RENAME, [username, id]);
    return { user: { ...there, username }, created: false };
  }
}

function userOf(id: UserId, row: Row): User {
  return {
    id,
    username: row['username'] as string,
    createdAt: (row['created'] as types.Long).toNumber(),
  };
}
