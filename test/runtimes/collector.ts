import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A received span. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty if it has no parent. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'other';
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly isError: boolean;
  /** The attributes of its resource. */
  readonly resource: Readonly<Record<string, string | number>>;
}

/** A collector of traces for OTLP over HTTP with protobuf. */
export interface Collector {
  readonly url: string;
  /** The received bytes. */
  readonly bytes: () => Buffer;
  /** The received spans. */
  readonly spans: () => SentSpan[];
  readonly close: () => Promise<void>;
}

/** Opens a collector on a free loopback port. One that `hangs` accepts requests and never responds. */
export async function openCollector({ hangs = false } = {}): Promise<Collector> {
  const sent: Buffer[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { method, url, headers } = request;
      const isExport = method === 'POST' && url === '/v1/traces';
      if (isExport && headers['content-type'] === 'application/x-protobuf') sent.push(body);
      if (!hangs) response.writeHead(isExport ? 200 : 404).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => Buffer.concat(sent),
    spans: () => sent.flatMap(spansIn),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The fields of a protobuf message by number; a field that is a message, a text or bytes is its bytes. */
type Fields = Map<number, (Buffer | bigint)[]>;

function fieldsOf(message: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(message.readUInt8(at));
      at += 1;
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  };
  const bytes = (length: number): Buffer => message.subarray(at, (at += length));
  const valueOf: Readonly<Record<number, () => Buffer | bigint>> = {
    0: varint,
    1: () => bytes(8),
    2: () => bytes(Number(varint())),
    5: () => bytes(4),
  };
  while (at < message.length) {
    const tag = Number(varint());
    const value = valueOf[tag & 7]!();
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

function messages(fields: Fields, number: number): Fields[] {
  return (fields.get(number) ?? []).map((value) => fieldsOf(value as Buffer));
}

function text(fields: Fields, number: number, encoding: BufferEncoding = 'utf8'): string {
  return (fields.get(number)?.[0] as Buffer | undefined)?.toString(encoding) ?? '';
}

// The numbers are those of opentelemetry-proto: collector/trace/v1, trace/v1, common/v1.

function spansIn(body: Buffer): SentSpan[] {
  return messages(fieldsOf(body), 1).flatMap((ofResource) => {
    const resource = Object.assign({}, ...messages(ofResource, 1).map((message) => attributesOf(message, 1)));
    return messages(ofResource, 2)
      .flatMap((ofScope) => messages(ofScope, 2))
      .map((span) => ({
        traceId: text(span, 1, 'hex'),
        spanId: text(span, 2, 'hex'),
        parentId: text(span, 4, 'hex'),
        name: text(span, 5),
        kind: KINDS[Number(span.get(6)?.[0] ?? 0)] ?? 'other',
        attributes: attributesOf(span, 9),
        isError: messages(span, 15).some((status) => status.get(3)?.[0] === 2n),
        resource,
      }));
  });
}

const KINDS: Readonly<Record<number, SentSpan['kind']>> = { 1: 'internal', 2: 'server', 3: 'client' };

function attributesOf(fields: Fields, number: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(fields, number).map((attribute) => {
      const [value = new Map() as Fields] = messages(attribute, 2);
      const isWholeNumber = value.has(3);
      return [text(attribute, 1), isWholeNumber ? Number(value.get(3)?.[0]) : text(value, 1)];
    }),
  );
}
