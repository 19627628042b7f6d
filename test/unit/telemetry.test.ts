import { expect, test } from 'vitest';
import { combineTelemetry, type Telemetry } from '../../src/application/ports/telemetry.ts';

/** Telemetry that records its calls. */
function recordingTelemetry(): { telemetry: Telemetry; calls: unknown[] } {
  const calls: unknown[] = [];
  return {
    calls,
    telemetry: {
      requestCompleted: (request) => void calls.push(request),
      statementSent(name) {
        calls.push(name);
        return (outcome, speculations) => void calls.push([outcome, speculations]);
      },
      attemptRepeated: () => void calls.push('repeated'),
      inboxRead: (rows) => void calls.push(rows),
      streamOpened(resumed) {
        calls.push({ resumed });
        return (reason) => void calls.push(reason);
      },
      eventsDelivered: (count) => void calls.push({ count }),
      eventLag: (milliseconds) => void calls.push({ milliseconds }),
      hints: (count, what) => void calls.push([count, what]),
    },
  };
}

test('both get every call', () => {
  const [one, other] = [recordingTelemetry(), recordingTelemetry()];
  const telemetry = combineTelemetry(one.telemetry, other.telemetry);
  const request = { method: 'GET', route: '/', status: 200, milliseconds: 1, replayed: false };
  telemetry.requestCompleted(request);
  telemetry.statementSent('SELECT users')('unavailable', 2);
  telemetry.attemptRepeated();
  telemetry.inboxRead({ read: 3, shown: 2 });
  telemetry.streamOpened(true)('age');
  telemetry.eventsDelivered(4);
  telemetry.eventLag(5);
  telemetry.hints(6, 'lost');
  const all = [
    request,
    'SELECT users',
    ['unavailable', 2],
    'repeated',
    { read: 3, shown: 2 },
    { resumed: true },
    'age',
    { count: 4 },
    { milliseconds: 5 },
    [6, 'lost'],
  ];
  expect(one.calls).toEqual(all);
  expect(other.calls).toEqual(all);
});
