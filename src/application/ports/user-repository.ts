import type { UserId } from '../../domain/ids.ts';
import type { User } from '../../domain/user.ts';

/** The saved users. */
export interface UserRepository {
  find(id: UserId): Promise<User | null>;

  /**
   * Saves a user. The first save decides `createdAt`, and exactly one of several concurrent saves is `created`; later
   * saves change the name. Resolves with the stored user. Rejects like `append`.
   */
  save(user: User): Promise<{ readonly user: User; readonly created: boolean }>;
}
