import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** The reads of event logs and the delivered events so far, of all instances. */
export async function eventReads(urls: readonly string[]) {
  const sum = await countersOf(urls);
  const counts = {
    statements: sum(
      /^cassandra_statement_duration_seconds_count\{statement="SELECT events_by_user"[^}]*\} (\d+)$/gm,
    ),
    delivered: sum(/^messenger_events_delivered_total (\d+)$/gm),
  };
  return {
    ...counts,
    since(earlier: typeof counts): string {
      const statements = counts.statements - earlier.statements;
      const delivered = counts.delivered - earlier.delivered;
      assert.ok(statements > 0 && delivered > 0, 'the metrics have not changed');
      const each = (statements / delivered).toFixed(2);
      return `${each} statements per event: ${statements} for ${delivered} events; a read is two statements`;
    },
  };
}

/** The open streams and waiting polls of an instance. */
export async function openConnections(url: string): Promise<number> {
  return (await countersOf([url]))(/^messenger_event_connections (\d+)$/gm);
}

/** The hints that were not sent to other processes so far, of all instances. */
export async function hintsLost(urls: readonly string[]): Promise<number> {
  return (await countersOf(urls))(/^messenger_hints_total\{what="lost"\} (\d+)$/gm);
}

/** A function that sums a metric over all instances. The first group of the pattern is the value. */
async function countersOf(urls: readonly string[]): Promise<(pattern: RegExp) => number> {
  const texts = await Promise.all(urls.map((url) => metricsOf(url)));
  return (pattern) =>
    texts
      .flatMap((text) => [...text.matchAll(pattern)])
      .reduce((total, [, value]) => total + Number(value), 0);
}

/** Reads the metrics over a new connection: the instance may have closed an idle one. */
async function metricsOf(url: string): Promise<string> {
  const sent = get(`${url}/metrics`, { agent: false });
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return text(response);
}
