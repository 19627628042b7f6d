import { conversationsContract } from './conversations.ts';
import { eventsContract } from './events.ts';
import { messagesContract } from './messages.ts';
import { pagesContract } from './pages.ts';
import { readPositionsContract } from './read-positions.ts';
import { requestsContract } from './requests.ts';
import { usersContract } from './users.ts';

/** All that the messenger promises over HTTP, whatever serves it and whatever it is stored in. */
export const httpContracts = {
  messages: messagesContract,
  conversations: conversationsContract,
  'read positions': readPositionsContract,
  events: eventsContract,
  users: usersContract,
  pages: pagesContract,
  requests: requestsContract,
};
