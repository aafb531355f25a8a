import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  dispatchSubject,
  eventSubject,
  heartbeatSubject,
  liveSubject,
  logSubject,
  NODE_RPC_METHODS,
  nodeRpcSubject,
  reportSubject,
  snapshotReportSubject,
} from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import {
  ask,
  enterAsLiar,
  leaveAsLiar,
  HIGHEST,
  VICTIM,
  LIAR,
  expectDropped,
  memoryOf,
  firstOf,
  fleet,
  endOf,
  expectUntouched,
  intruder,
  victim,
  own,
  type Lease,
  type Placed,
} from './lying-node.js';

beforeAll(enterAsLiar, 240_000);
afterAll(leaveAsLiar, 60_000);

describe('a node at the server', () => {
  it('is refused every subject of another node and of the services', async () => {
    const lease = firstOf(victim);
    const subjects = [
      logSubject(VICTIM, victim.task, 0, 'stdout'),
      `fx.log.${victim.task}.0.stdout`,
      reportSubject(VICTIM),
      snapshotReportSubject(VICTIM),
      heartbeatSubject(VICTIM),
      liveSubject(VICTIM),
      ...NODE_RPC_METHODS.map((method) => nodeRpcSubject(VICTIM, method)),
      eventSubject('task', victim.task),
      dispatchSubject(VICTIM),
      dispatchSubject(LIAR),
      'fx.rpc.scheduler.placements',
      'fx.rpc.storage.ensure-buckets',
      'fx.quarantine.x',
      `fx.yield.task.${victim.task}`,
      '$JS.API.STREAM.DELETE.FORNAX_EVENTS',
      '$JS.API.STREAM.PURGE.FX_LOGS',
      `$JS.API.CONSUMER.DELETE.FX_DISPATCH.${VICTIM}`,
      `$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.${VICTIM}`,
    ];
    for (const subject of subjects) await intruder.say(subject, endOf(victim, lease));
    const heard = ['>', 'fx.>', dispatchSubject(VICTIM), `_INBOX_${VICTIM}.>`, '_INBOX.>', eventSubject('task', '*')];
    for (const subject of heard) await intruder.listen(subject);
    await eventually(() => intruder.refusals.length >= subjects.length + heard.length);
    const told = intruder.refusals.join('\n');
    expect([...subjects, ...heard].filter((subject) => !told.includes(`"${subject}"`))).toEqual([]);
    await expectUntouched();
  });
});

describe('a node that asks for what is not its own', () => {
  it("is not granted another node's lease, whatever it says of it", async () => {
    const { leaseId } = firstOf(victim);
    const requests = [
      { leaseId, taskId: victim.task, instance: 0 },
      { leaseId, taskId: own.task, instance: 0 },
      { leaseId: firstOf(own).leaseId, taskId: victim.task, instance: 0 },
      { leaseId: firstOf(own).leaseId, taskId: own.task, instance: 1 },
      { leaseId, taskId: '__proto__', instance: 0 },
      { leaseId, taskId: 'no-such-task', instance: HIGHEST },
    ];
    for (const request of requests)
      expect(await intruder.ask('grant', request)).toEqual({
        ok: { granted: false, reason: 'the lease is not current on this node' },
      });
  });

  it("is told no secrets of another's lease, and is refused once it guesses, or asks for its own, without end", async () => {
    const { leaseId } = firstOf(victim);
    const mine = { leaseId: firstOf(own).leaseId, taskId: own.task, instance: 0 };
    const requests = [
      { leaseId, taskId: victim.task, instance: 0 },
      { leaseId, taskId: own.task, instance: 0 },
      { ...mine, taskId: victim.task },
      { ...mine, instance: 1 },
      { leaseId, taskId: victim.task, instance: 0, wants: { below: '' } },
    ];
    for (const request of requests)
      expect(await intruder.ask('secrets', request)).toEqual({
        ok: { granted: false, reason: 'the lease is not current on this node' },
      });
    const outcomes = async (count: number, bodyOf: (at: number) => object): Promise<ReadonlySet<string>> => {
      const replies = await Promise.all(Array.from({ length: count }, (_, at) => intruder.ask('secrets', bodyOf(at))));
      return new Set(
        replies.map(({ ok, error }) => error?.message ?? String((ok as { readonly granted: boolean }).granted)),
      );
    };
    const tooOften = 'This lease asks for secrets too often';
    expect(await outcomes(600, () => ({ ...mine, wants: { below: '' } }))).toEqual(new Set(['true', tooOften]));
    const guessing = 'This node asks for secrets of leases that it does not hold, too often';
    expect(await outcomes(600, (at) => ({ ...mine, leaseId: `guess-${at}` }))).toEqual(new Set(['false', guessing]));
    // Nobody was given anything, and the log holds nothing of it.
    expect(await ask('GET', '/fornax/v1/secrets/accesses')).toEqual({ accesses: [], next: null });
    await expectUntouched();
  });

  it.each(NODE_RPC_METHODS)(
    'gets an error for a %s that makes no sense, and the next one is answered',
    async (method) => {
      for (const body of ['', '{', '[]', 'null', '{"leaseId":{},"taskId":[],"instance":"0"}'])
        expect(await intruder.ask(method, body)).toMatchObject({ error: { code: expect.any(String) as unknown } });
    },
  );

  it.each(NODE_RPC_METHODS)('breaks no connection of a service with names beyond all measure: %s', async (method) => {
    const name = 'x'.repeat(1_000_000);
    const body = {
      nodeId: name,
      leaseId: name,
      taskId: name,
      snapshotId: name,
      instance: 0,
      nodeEpoch: 1,
      bootId: name,
    };
    const reply = await intruder.ask(method, body);
    expect(reply.error?.code).toEqual(expect.any(String));
    // Whoever answered is still there.
    expect(await intruder.ask(method, '{}')).toHaveProperty('error');
  });

  it('does not say for another node that it leaves, comes, or has a new key', async () => {
    const { nodeEpoch } = firstOf(victim);
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 64, memoryMB: 64, ghz: 1, ssd: true, gpus: 0 };
    const join = { nodeId: VICTIM, bootId: 'a-new-boot', driver: 'x', warnings: [], hardware };
    const answers = [
      await intruder.ask('leave', { nodeId: VICTIM, nodeEpoch }),
      await intruder.ask('join', join),
      await intruder.ask('rotate', { nodeId: VICTIM, publicKey: 'U'.repeat(56) }),
    ];
    expect(answers.map(({ ok, error }) => [ok, error?.code])).toEqual(Array(3).fill([undefined, 'forbidden']));
    expect((await fleet()).find(({ id }) => id === VICTIM)).toMatchObject({ status: 'online', epoch: nodeEpoch });
    await expectUntouched();
  });

  it('gives no sign of life for another node', async () => {
    const beat = { nodeId: VICTIM, nodeEpoch: HIGHEST, bootId: 'x', leases: 0, at: Date.now() };
    await expectDropped('heartbeats', 'wrong-node', 1, () => intruder.say(heartbeatSubject(LIAR), beat));
  });

  it("shows no figures of its own for another node's instance", async () => {
    const figure = (place: Placed, { leaseId, instance }: Lease) => ({
      leaseId,
      taskId: place.task,
      instance,
      phase: 'upload',
      cpuUsage: 100,
      memoryMB: 424_242,
      networkInKbps: 0,
      networkOutKbps: 0,
      progress: 100,
      executionMs: 1,
      ghzSeconds: 1,
    });
    const message = {
      nodeEpoch: firstOf(own).nodeEpoch,
      specificationKey: 'x',
      cpuModel: 'x',
      cores: 1,
      ghz: 1,
      maxGhz: 1,
      instances: [figure(own, firstOf(own)), ...victim.leases.map((lease) => figure(victim, lease))],
    };
    // Its own instance shows that the message has arrived; the agent beside it tells the truth again within a second.
    const shown = await eventually(async () => {
      await intruder.say(liveSubject(LIAR), message);
      const [mine, others] = await Promise.all([memoryOf(own.task), memoryOf(victim.task)]);
      return mine.includes(424_242) && others.length === 2 && others;
    });
    expect(shown).not.toContain(424_242);
  });
});
