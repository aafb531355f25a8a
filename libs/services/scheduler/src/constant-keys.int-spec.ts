import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { constantKeyRequestSchema, grantReplySchema, nodeRpcSubject, RPC, waitingReplySchema } from '@fornax/contracts';
import { constantIdentity, dataKeyIdentity, referenceTo, Sealer } from '@fornax/identity';
import { eventually, submitted } from '@fornax/testing';
import { MASTER_KEY, SchedulerRig } from './scheduler.fixture.js';

const SLOW_MS = 120_000;
const NAME = 'QARNOT_SECRET_A';

let rig: SchedulerRig;

beforeAll(async () => {
  rig = await SchedulerRig.start();
}, SLOW_MS);
afterEach(() => rig.clear(), SLOW_MS);
afterAll(() => rig.close(), SLOW_MS);

const sealer = new Sealer(MASTER_KEY);
/** A value under a key of its own, as submission seals it. */
const sealedAs = (keyId: string, value: string) => {
  const { key, wrapped } = sealer.newDataKey(dataKeyIdentity(keyId));
  const wrappedKey = referenceTo(keyId);
  const sealed = sealer.seal(key, value, constantIdentity('changing', wrappedKey, NAME));
  return { wrapped, spec: { wrappedKey, constants: [{ key: NAME, sealed }] } };
};

describe('a grant of a task whose constants change while their key is fetched', () => {
  it(
    'has the new values, opened with their own key',
    async () => {
      const versions = new Map(['k1', 'k2'].map((keyId) => [keyId, sealedAs(keyId, `of ${keyId}`)]));
      const [before, after] = [...versions.values()];
      if (!before || !after) throw new Error('two versions');
      const asked: string[] = [];
      /** Changes the constants, and resolves once the leader knows. */
      const change = async (): Promise<void> => {
        const { sequence = 0 } = (await rig.commitsOf('changing')).at(-1) ?? {};
        await rig.append('task', 'changing', sequence, { type: 'TaskUpdated', ...after.spec, at: 1 });
        await rig.append('task', 'behind', 0, submitted('behind', { instances: '0' }));
        await eventually(
          async () => (await rig.rpc.request(RPC.waiting, { taskId: 'behind' }, waitingReplySchema)).known,
        );
      };
      rig.nc.subscribe(RPC.constantKey, {
        callback: (_error, message) =>
          void (async () => {
            const { keyId, ownerId } = constantKeyRequestSchema.parse(message.json());
            expect(ownerId).toBe('changing');
            asked.push(keyId);
            if (asked.length === 1) await change();
            message.respond(JSON.stringify({ ok: { wrapped: versions.get(keyId)?.wrapped ?? null } }));
          })(),
      });
      await rig.startScheduler();
      const node = await rig.join('node-1', 1);
      await rig.append('task', 'changing', 0, submitted('changing', { instances: '0', ...before.spec }));
      const [lease] = await eventually(() => node.leases().length === 1 && node.leases());
      if (!lease) throw new Error('a lease');
      const { leaseId, taskId, instance } = lease;
      const subject = nodeRpcSubject('node-1', 'grant');
      expect(await rig.rpc.request(subject, { leaseId, taskId, instance }, grantReplySchema)).toMatchObject({
        granted: true,
        secrets: { [NAME]: 'of k2' },
      });
      expect(asked).toEqual(['k1', 'k2']);
      await node.leave();
    },
    SLOW_MS,
  );
});
