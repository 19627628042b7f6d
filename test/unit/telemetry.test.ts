import { expect, test } from 'vitest';
import { combineTelemetry, type Telemetry } from '../../src/application/ports/telemetry.ts';

/** Notes what it is told. */
function noting(): { telemetry: Telemetry; told: unknown[] } {
  const told: unknown[] = [];
  return {
    told,
    telemetry: {
      requestAnswered: (request) => void told.push(request),
      statementSent(name) {
        told.push(name);
        return (outcome, speculations) => void told.push([outcome, speculations]);
      },
      attemptRepeated: () => void told.push('repeated'),
      inboxRead: (rows) => void told.push(rows),
      streamOpened(resumed) {
        told.push({ resumed });
        return () => void told.push('closed');
      },
      eventsDelivered: (count) => void told.push({ count }),
      eventLag: (milliseconds) => void told.push({ milliseconds }),
      hints: (count, what) => void told.push([count, what]),
    },
  };
}

test('both are told everything', () => {
  const [one, other] = [noting(), noting()];
  const telemetry = combineTelemetry(one.telemetry, other.telemetry);
  const request = { method: 'GET', route: '/', status: 200, milliseconds: 1, replayed: false };
  telemetry.requestAnswered(request);
  telemetry.statementSent('SELECT users')('unavailable', 2);
  telemetry.attemptRepeated();
  telemetry.inboxRead({ read: 3, shown: 2 });
  telemetry.streamOpened(true)();
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
    'closed',
    { count: 4 },
    { milliseconds: 5 },
    [6, 'lost'],
  ];
  expect(one.told).toEqual(all);
  expect(other.told).toEqual(all);
});
