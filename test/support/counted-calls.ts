/** Counts calls: how many have begun, how many run, and how many ran at the same time at most. */
export function makeCountedCalls() {
  const calls = { begun: 0, running: 0, most: 0 };
  /** Runs `call` in a later turn of the event loop. */
  const counted = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    calls.begun += 1;
    calls.running += 1;
    calls.most = Math.max(calls.most, calls.running);
    await new Promise(setImmediate);
    calls.running -= 1;
    return call();
  };
  return { calls, counted };
}
