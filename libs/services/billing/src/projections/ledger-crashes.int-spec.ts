import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ProjectionHost } from '@fornax/service-kit';
import {
  aLease,
  anEnd,
  between,
  concluded,
  dispatched,
  eventually,
  pick,
  randomFrom,
  requeued,
  submitted,
} from '@fornax/testing';
import { DataSource } from 'typeorm';
import { LedgerAudits } from '../audit/ledger-auditor.js';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';
import { ledgerPageSchema } from '../queries/wire-ledger.js';

const TASKS = 120;
const SEED = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');

describe(`the ledger, whose database ends all connections at random moments (seed ${SEED})`, () => {
  let rig: BillingRig;
  let admin: DataSource;
  beforeAll(async () => {
    rig = await billingRig();
    await rig.account('ada');
    admin = await new DataSource({ type: 'postgres', url: rig.database.url }).initialize();
  }, 120_000);
  afterAll(async () => {
    await admin?.destroy();
    await rig?.close();
  });

  it('misses no line and has none twice', async () => {
    const random = randomFrom(SEED);
    const expected = new Map<string, number>();
    let [ended, cuts] = [0, 0];
    let isWriting = true;
    const cutting = (async () => {
      while (isWriting) {
        await delay(between(random, [1, 60]));
        const [found] = await admin.query<{ cut: string }[]>(
          'SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        );
        ended += Number(found?.cut ?? 0);
        cuts += 1;
      }
    })();
    for (let task = 0; task < TASKS; task += 1) {
      const id = `task-${task}`;
      const instances = between(random, [1, 5]);
      const numbers = Array.from({ length: instances }, (_, instance) => instance);
      const again = pick(random, numbers);
      await rig.append(
        'task',
        id,
        [submitted(id, { instances: `0-${instances - 1}` })],
        [dispatched(...numbers.map((instance) => aLease(instance)))],
        [requeued(anEnd(again, { outcome: 'failure', cause: 'node-lost' }))],
        [concluded(...numbers.map((instance) => anEnd(instance, instance === again ? { attempt: 2 } : {})))],
      );
      expected.set(id, instances + 1);
    }
    isWriting = false;
    await cutting;
    // Else nothing would have been cut off.
    expect(cuts).toBeGreaterThan(3);
    expect(ended).toBeGreaterThan(0);

    const last = `task-${TASKS - 1}`;
    await eventually(async () => (await rig.get(`/fornax/v1/billing/tasks/${last}/lines`)).status === 200, {
      timeoutMs: 60_000,
    });
    for (const [id, lines] of expected) {
      const page = ledgerPageSchema.parse((await rig.get(`/fornax/v1/billing/tasks/${id}/lines`)).body);
      expect([id, page.count, page.unrated]).toEqual([id, lines, 0]);
    }
    const host = rig.service.app.get(ProjectionHost);
    for (const name of ['ledger', 'running'])
      expect(await host.runner(name).rebuild({ verify: true })).toMatchObject({ differences: [] });
    expect(await rig.service.app.get(LedgerAudits).unrated()).toBe(0);
  }, 180_000);
});
