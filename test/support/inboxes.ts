/** An event that places a conversation of an inbox. */
export interface Move {
  /** The index of the owner's conversation. */
  readonly conversation: number;
  /** Microseconds since 1970. */
  readonly at: number;
  /** Whether it is a start of a conversation and not a message. */
  readonly isStart?: boolean;
}

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Pseudorandom numbers from 0 to 1, the same in every run. */
export function randomNumbers(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/**
 * Activity patterns of inboxes that break simpler designs. `scale` multiplies the number of conversations
 * in some of them.
 */
export const INBOXES: Readonly<Record<string, (now: number, scale: number) => Move[]>> = {
  '40 conversations': (now) => times(40, (n) => ({ conversation: n, at: now - n * HOUR })),

  '200 conversations, ordinary use': (now, scale) => {
    const random = randomNumbers();
    return times(3_000 * scale, () => ({
      conversation: Math.floor(200 * scale * random() * random()),
      at: Math.floor(now - random() * 90 * DAY),
    }));
  },

  '10 of 200 moved 20,000 times': (now, scale) => [
    ...times(200 * scale, (n) => ({ conversation: n, at: now - 60 * DAY - n * HOUR })),
    ...times(20_000, (n) => ({ conversation: n % (10 * scale), at: now - n * 2 * MINUTE })),
  ],

  'one moved 100,000 times, 80 older below': (now, scale) => [
    ...times(80 * scale, (n) => ({ conversation: n + 1, at: now - 29 * DAY - n * MINUTE })),
    ...times(100_000, (n) => ({ conversation: 0, at: now - n * 20 * SECOND })),
  ],

  '20 busy every 5 minutes for 30 days, 500 quiet': (now, scale) => [
    ...times(500 * scale, (n) => ({ conversation: 1_000_000 + n, at: now - 31 * DAY - n * HOUR })),
    ...times(8_640, (move) =>
      times(20, (n) => ({ conversation: n, at: now - move * 5 * MINUTE - n * SECOND })),
    ).flat(),
  ],

  '300 active twice a day, 500 quiet': (now, scale) => [
    ...times(500 * scale, (n) => ({ conversation: 1_000_000 + n, at: now - 400 * DAY - n * HOUR })),
    ...times(120, (move) =>
      times(300 * scale, (n) => ({ conversation: n, at: now - (move / 2) * DAY - (n / scale) * MINUTE })),
    ).flat(),
  ],

  'a support desk: 5,000 customers, 3,000 messages a day': (now) => {
    const random = randomNumbers();
    return [
      ...times(5_000, (n) => ({ conversation: n, at: now - 60 * DAY - n * MINUTE })),
      ...times(90_000, (n) => ({
        conversation: Math.floor(5_000 * random()),
        at: now - n * Math.floor(DAY / 3_000),
      })),
    ];
  },

  '10,000 conversations within ten minutes': (now) =>
    times(10_000, (n) => ({ conversation: n, at: now - n * 60_000 })),

  '1,000 conversations a second': (now) =>
    times(50_000, (n) => ({ conversation: n % 10_000, at: now - n * 1_000 })),

  '2,000 conversations without a message': (now) =>
    times(2_000, (n) => ({ conversation: n, at: now - n * 40 * MINUTE, isStart: true })),

  '3,000 conversations in one microsecond': (now) =>
    times(3_000, (n) => ({ conversation: n, at: now - 40 * DAY })),
};
