import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { LogPush } from './log-push.js';
import { logRecordOf } from './log-record.js';

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);
const line = (facts: object): string => `${JSON.stringify(facts)}\n`;

describe('a log line for a collector', () => {
  it('says level, time, message and span in their places, and all else as attributes', () => {
    const written = { level: 'warn', time: '2026-01-02T03:04:05.678Z', service: 's', trace_id: TRACE, span_id: SPAN };
    expect(logRecordOf(line({ ...written, msg: 'said', count: 3, ok: true, err: { code: 'E' } }))).toEqual({
      timeUnixNano: `${Date.parse('2026-01-02T03:04:05.678Z')}000000`,
      severityNumber: 13,
      severityText: 'warn',
      body: { stringValue: 'said' },
      attributes: [
        { key: 'count', value: { doubleValue: 3 } },
        { key: 'ok', value: { boolValue: true } },
        { key: 'err', value: { stringValue: '{"code":"E"}' } },
      ],
      traceId: TRACE,
      spanId: SPAN,
    });
  });

  it.each(['no JSON at all', '[1]', line({ msg: 'x', trace_id: 'forged', span_id: 7 })])(
    'is a record whatever it is: %s',
    (written) => {
      const record = logRecordOf(written);
      expect(record).toMatchObject({ body: { stringValue: expect.any(String) } });
      expect(record).not.toHaveProperty('traceId');
      expect(record).not.toHaveProperty('spanId');
    },
  );
});

describe('sending log lines to a collector', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  /** Answers with these statuses in turn, then with 200. */
  const collector = async (...statuses: number[]) => {
    const bodies: string[][] = [];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        const { resourceLogs } = JSON.parse(body) as {
          resourceLogs: { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] }[];
        };
        const records = resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
        bodies.push(records.map((record) => record.body.stringValue));
        response.writeHead(statuses.shift() ?? 200, { connection: 'close' }).end('{}');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { bodies, push: new LogPush({ url: `http://127.0.0.1:${port}/v1/logs`, service: 's', everyMs: 60_000 }) };
  };

  it('sends what is left at the end, a thousand at once', async () => {
    const { bodies, push } = await collector();
    for (let index = 0; index < 1_500; index += 1) push.take(line({ msg: String(index) }));
    await push.close();
    expect(bodies.map(({ length }) => length)).toEqual([1_000, 500]);
    expect(bodies.flat().at(-1)).toBe('1499');
  });

  it('keeps the order and loses nothing when the collector had too much to do', async () => {
    const { bodies, push } = await collector(503);
    push.take(line({ msg: 'first' }));
    await push.close();
    push.take(line({ msg: 'second' }));
    await push.close();
    expect(bodies).toEqual([['first'], ['first', 'second']]);
  });

  it('gives up what is refused, and goes on', async () => {
    const { bodies, push } = await collector(400);
    push.take(line({ msg: 'refused' }));
    await push.close();
    push.take(line({ msg: 'next' }));
    await push.close();
    expect(bodies).toEqual([['refused'], ['next']]);
  });

  it('waits for nobody who is away', async () => {
    const push = new LogPush({ url: 'http://127.0.0.1:1/v1/logs', service: 's', everyMs: 60_000 });
    push.take(line({ msg: 'x' }));
    await push.close();
  });
});
