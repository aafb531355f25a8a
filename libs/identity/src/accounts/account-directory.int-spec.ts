import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectNats, JetStreamLog, type EventLog } from '@fornax/event-store';
import { aCommit, eventually, startTestNats } from '@fornax/testing';
import { systemClock } from '@fornax/base';
import { Sealer } from '../secrets/sealer.js';
import { AccountDirectory } from './account-directory.js';

const SLOW_MS = 60_000;
const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
const operator = { at: 1, by: 'user:ada', reason: null };
let nats: Awaited<ReturnType<typeof startTestNats>>;
let nc: Awaited<ReturnType<typeof connectNats>>;
let log: JetStreamLog;
let isAway = false;

beforeAll(async () => {
  nats = await startTestNats();
  nc = await connectNats({ ...nats, name: 'test' });
  log = await JetStreamLog.open(nc);
}, SLOW_MS);
afterAll(async () => {
  log.close();
  await nc.close();
  await nats.stop();
});

/** The log, which cannot be read while `isAway`. */
const flaky = (): EventLog =>
  new Proxy(log, {
    get: (target, name) =>
      name === 'read' && isAway
        ? () => {
            throw new Error('the log is away');
          }
        : Reflect.get(target, name, target),
  });
const directoryOf = async (): Promise<AccountDirectory> => {
  const directory = new AccountDirectory(flaky(), new Sealer(randomBytes(32)), systemClock, log.quarantine);
  await directory.ready;
  return directory;
};
const stopAt = (sequence: number): string => {
  const stop = { follower: 'accounts', sequence, aggregate: 'account', aggregateId: 'ada', reason: 'it threw' };
  log.quarantine.noticeStop(stop);
  return `fold-accounts-${sequence}`;
};

it(
  'a fold of accounts that an operator asked for is done, or shown again with why it was not',
  async () => {
    const created = {
      type: 'AccountCreated',
      accountId: 'ada',
      email: 'ada@example.com',
      role: 'user',
      quotas,
      at: 1,
    } as const;
    await log.append('account', 'ada', aCommit('ada', [created]), 0);
    const directory = await directoryOf();
    const id = stopAt(1);
    isAway = true;
    await log.quarantine.decide(id, { kind: 'retry-asked', ...operator });
    const entry = await log.quarantine.settled(id, 5_000);
    expect(entry).toMatchObject({ state: 'open', what: { reason: 'the log is away' } });
    isAway = false;
    await log.quarantine.decide(id, { kind: 'retry-asked', ...operator });
    await eventually(() => log.quarantine.get(id)?.state === 'retried');
    await directory.close();
    // Nobody is there when it is asked for.
    const owed = stopAt(2);
    await log.quarantine.decide(owed, { kind: 'retry-asked', ...operator });
    const next = await directoryOf();
    await eventually(() => log.quarantine.get(owed)?.state === 'retried');
    await next.close();
  },
  SLOW_MS,
);
