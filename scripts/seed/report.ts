import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import { timestampOfMicroseconds } from '../../src/domain/time.ts';
import { messagesIn } from './write-data.ts';
import { specialConversations, type Parameters } from './conversations.ts';

/** The output for progress, such as `process.stderr`. */
export interface Terminal {
  readonly isTTY: boolean;
  write(text: string): unknown;
}

/** Counts the messages, and shows the progress at intervals. */
export interface Progress {
  advance(): void;
  /** Clears the progress line on a terminal. */
  end(): void;
}

/** Progress towards `total` messages: one updated line on a terminal, otherwise a new line every ten seconds. */
export function makeProgress(
  total: number,
  terminal: Terminal,
  monotonic: () => number = () => performance.now(),
): Progress {
  const intervalMs = terminal.isTTY ? 100 : 10_000;
  const startedAt = monotonic();
  let lastShownAt = startedAt;
  let done = 0;
  return {
    advance() {
      done += 1;
      const now = monotonic();
      if (now - lastShownAt < intervalMs) return;
      lastShownAt = now;
      const rate = formatCount(Math.round((done * 1000) / (now - startedAt)));
      const line = `${formatCount(done)} of ${formatCount(total)} messages, ${rate}/s`;
      // The cursor returns to the start of the line, so that the next output replaces it.
      terminal.write(terminal.isTTY ? `${CLEAR_LINE}${line}\r` : `${line}\n`);
    },
    end() {
      if (terminal.isTTY) terminal.write(CLEAR_LINE);
    },
  };
}

const CLEAR_LINE = '\u001B[K';

/** The summary of a run of `seconds`. */
export function summaryOf(parameters: Parameters, seconds: number): string {
  const { users, conversations } = parameters;
  const special = Object.keys(specialConversations(parameters)).length;
  const messages = messagesIn(parameters);
  return (
    `${formatCount(users)} users, ${formatCount(conversations + special + 1)} conversations and ${formatCount(messages)} messages ` +
    `in ${seconds.toFixed(1)} s.`
  );
}

/** The options that reproduce the same data on any day. */
export function optionsOf({ users, conversations, messages, seed, until }: Parameters): string {
  const time = timestampOfMicroseconds(until).replace(/\.?0+Z$/, 'Z');
  // Quoted for a shell. A single quote ends the quoted text, is escaped, and starts a new quoted text.
  const quoted = /^[\w.-]+$/.test(seed) ? seed : `'${seed.replaceAll("'", "'\\''")}'`;
  return (
    `--users=${users} --conversations=${conversations} --messages=${messages} ` +
    `--seed=${quoted} --until=${time}`
  );
}

/** Example requests for a service at `url` that show the data. */
export function examplesAt(url: string, parameters: Parameters): string {
  const special = Object.values(specialConversations(parameters));
  const requests: readonly (readonly [string, string])[] = [
    ['user 1', '/api/users/1'],
    ['the inbox of user 1', '/api/conversations/user/1?limit=20'],
    ...special.map(({ title, participantIds }): [string, string] => {
      const id = conversationIdOf(participantsOf(...participantIds));
      return [title, `/api/messages/conversation/${id}?limit=20`];
    }),
  ];
  return requests.map(([about, path]) => `# ${about}\ncurl '${url}${path}'\n`).join('');
}

function formatCount(count: number): string {
  return count.toLocaleString('en');
}
