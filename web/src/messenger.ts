import { createClient, createStore, type MessengerClient, type Store } from 'cassandra-messenger-client';
import { baseUrl } from './page.ts';
import { storageOf } from './storage.ts';

/** The client of one user, and what it shows. */
export interface Messenger {
  readonly userId: string;
  readonly client: MessengerClient;
  readonly store: Store;
  close(): void;
}

/** Connects as a user. `token` is null if the service needs none. */
export function openMessenger(userId: string, token: string | null): Messenger {
  const storage = storageOf(() => localStorage);
  const client = createClient({
    baseUrl,
    userId,
    ...(storage !== null && { storage }),
    ...(token !== null && { token }),
  });
  const store = createStore(client);
  return {
    userId,
    client,
    store,
    close() {
      store.stop();
      client.close();
    },
  };
}
