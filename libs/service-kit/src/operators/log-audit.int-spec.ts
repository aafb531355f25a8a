import { Module } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { FornaxEvent } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import { AccountDirectory } from '@fornax/identity';
import {
  aCommit,
  aLease,
  anEnd,
  concluded,
  createTestDatabase,
  dispatched,
  nodeJoined,
  startTestNats,
  submitted,
} from '@fornax/testing';
import { appendAccount } from '../commit-rows.fixture.js';
import { EVENT_LOG } from '../index.js';
import { createTestApp, type TestApp } from '../run/test-app.fixture.js';

const SLOW_MS = 120_000;
const OPERATOR = 'an-operator-token';
const USER = 'a-user-token';

@Module({})
class AuditTestModule {}

let nats: Awaited<ReturnType<typeof startTestNats>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: TestApp;

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  service = await createTestApp(AuditTestModule, {
    env: {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
    },
  });
  await appendAccount(service, { email: 'user@example.com', role: 'user', token: USER });
  const last = await appendAccount(service, { email: 'operator@example.com', role: 'operator', token: OPERATOR });
  await service.app.get(AccountDirectory).knows(last, 60_000);
}, SLOW_MS);

afterAll(async () => {
  await service.close();
  await Promise.all([nats.stop(), database.drop()]);
});

/** Appends one commit for each event. @returns their sequences */
const append = async (id: string, ...events: readonly FornaxEvent[]): Promise<readonly number[]> => {
  const log = service.app.get<EventLog>(EVENT_LOG);
  const sequences: number[] = [];
  for (const [index, event] of events.entries()) {
    const aggregate = event.type === 'NodeJoined' ? 'node' : 'task';
    const commit = aCommit(`${id}-${sequences.length}-${index}`, [event]);
    sequences.push(await log.append(aggregate, id, commit, sequences.at(-1) ?? 0));
  }
  return sequences;
};

const audit = (token: string): Promise<Response> =>
  fetch(`${service.url}/fornax/v1/log/audit`, { headers: { authorization: token } });

/** The messages of an audit, with their data. */
const audited = async (): Promise<readonly (readonly [event: string, data: unknown])[]> => {
  const text = await (await audit(OPERATOR)).text();
  return [...text.matchAll(/^event: (\w+)\ndata: (.+)$/gm)].map(([, event = '', data = '']) => [
    event,
    JSON.parse(data) as unknown,
  ]);
};

it(
  'finds nothing in a log that is right, and what was appended wrongly, with its place in the log',
  async () => {
    const [joined = 0] = await append('node-1', nodeJoined('node-1'));
    const right = await append('right', submitted('right'), dispatched(aLease(0)), concluded(anEnd(0)));
    expect((await audited()).at(-1)).toEqual([
      'end',
      { head: right.at(-1), commits: 1 + right.length, tasksUnderWay: 1, findings: 0 },
    ]);
    expect(joined).toBeGreaterThan(0);

    const twice = await append(
      'twice',
      submitted('twice', { instances: '0' }),
      dispatched(aLease(0)),
      concluded(anEnd(0)),
      concluded(anEnd(0)),
    );
    const both = await append('both', submitted('both'), dispatched(aLease(1)), dispatched(aLease(1, { attempt: 2 })));
    const found = await audited();
    expect(found.filter(([event]) => event === 'finding').map(([, data]) => data)).toEqual([
      expect.objectContaining({ kind: 'billed twice', taskId: 'twice', instance: 0, sequences: [twice[3]] }),
      expect.objectContaining({ kind: 'ran twice at once', taskId: 'both', instance: 1, sequences: both.slice(1) }),
    ]);
    expect(found.at(-1)).toEqual(['end', expect.objectContaining({ findings: 2, tasksUnderWay: 2 })]);
  },
  SLOW_MS,
);

it('is for operators', async () => {
  expect((await audit(USER)).status).toBe(403);
});
