import { conversationIdOf } from '../../src/adapters/system/conversation-ids.ts';
import { participantsOf } from '../../src/domain/conversation.ts';
import { timestampOfMicroseconds } from '../../src/domain/time.ts';
import { messagesIn } from './play.ts';
import { specialTalks, type Parameters } from './talks.ts';

/** Where progress is shown; `process.stderr` fits. */
export interface Terminal {
  readonly isTTY: boolean;
  write(text: string): unknown;
}

/** Counts what is done, and shows it now and then. */
export interface Progress {
  advance(): void;
  /** Leaves a terminal's line empty. */
  end(): void;
}

/** Progress towards `total` messages: on a terminal one line that changes, elsewhere one each ten seconds. */
export function makeProgress(
  total: number,
  terminal: Terminal,
  steady: () => number = () => performance.now(),
): Progress {
  const every = terminal.isTTY ? 100 : 10_000;
  const begun = steady();
  let shown = begun;
  let done = 0;
  return {
    advance() {
      done += 1;
      const now = steady();
      if (now - shown < every) return;
      shown = now;
      const rate = grouped(Math.round((done * 1000) / (now - begun)));
      const line = `${grouped(done)} of ${grouped(total)} messages, ${rate}/s`;
      // Back at the line's beginning, so that whatever is written next takes its place.
      terminal.write(terminal.isTTY ? `${CLEAR_LINE}${line}\r` : `${line}\n`);
    },
    end() {
      if (terminal.isTTY) terminal.write(CLEAR_LINE);
    },
  };
}

const CLEAR_LINE = '\u001B[K';

/** What there is now, after so many `seconds`. */
export function summaryOf(parameters: Parameters, seconds: number): string {
  const { users, conversations } = parameters;
  const special = Object.keys(specialTalks(parameters)).length;
  const messages = messagesIn(parameters);
  return (
    `${grouped(users)} users, ${grouped(conversations + special)} conversations and ${grouped(messages)} messages ` +
    `in ${seconds.toFixed(1)} s.`
  );
}

/** The options that decide on the same data on any day. */
export function optionsOf({ users, conversations, messages, seed, until }: Parameters): string {
  const time = timestampOfMicroseconds(until).replace(/\.?0+Z$/, 'Z');
  // Quoted for a shell, in which a quotation ends before a quote and goes on behind it.
  const quoted = /^[\w.-]+$/.test(seed) ? seed : `'${seed.replaceAll("'", "'\\''")}'`;
  return (
    `--users=${users} --conversations=${conversations} --messages=${messages} ` +
    `--seed=${quoted} --until=${time}`
  );
}

/** Requests to a service at `url` that show what there is to see. */
export function examplesAt(url: string, parameters: Parameters): string {
  const talks = Object.values(specialTalks(parameters));
  const requests: readonly (readonly [string, string])[] = [
    ['user 1', '/api/users/1'],
    ['the inbox of user 1', '/api/conversations/user/1?limit=20'],
    ...talks.map(({ title, participantIds }): [string, string] => {
      const id = conversationIdOf(participantsOf(...participantIds));
      return [title, `/api/messages/conversation/${id}?limit=20`];
    }),
  ];
  return requests.map(([about, path]) => `# ${about}\ncurl '${url}${path}'\n`).join('');
}

function grouped(count: number): string {
  return count.toLocaleString('en');
}
