import { clientContract } from './client.ts';
import { conversationsContract } from './conversations.ts';
import { eventsContract } from './events.ts';
import { messageChangesContract } from './message-changes.ts';
import { groupsContract } from './groups.ts';
import { messagesContract } from './messages.ts';
import { pagesContract } from './pages.ts';
import { readPositionsContract } from './read-positions.ts';
import { requestsContract } from './requests.ts';
import { usersContract } from './users.ts';

/** The HTTP contract of the messenger, for any server and any storage. */
export const httpContracts = {
  messages: messagesContract,
  'message changes': messageChangesContract,
  conversations: conversationsContract,
  groups: groupsContract,
  'read positions': readPositionsContract,
  events: eventsContract,
  users: usersContract,
  pages: pagesContract,
  requests: requestsContract,
  client: clientContract,
};
