import type { UserId } from '../../domain/ids.ts';
import type { User } from '../../domain/user.ts';

/** The users that were saved. */
export interface UserRepository {
  find(id: UserId): Promise<User | null>;

  /**
   * Saves a user. The first save decides `createdAt`, and of several in one instant one alone is `created`; later
   * ones change the name. Resolves to the user as it now is. Rejects like `append`.
   */
  save(user: User): Promise<{ readonly user: User; readonly created: boolean }>;
}
