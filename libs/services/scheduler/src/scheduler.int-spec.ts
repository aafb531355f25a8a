import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  RPC,
  grantReplySchema,
  leaseStatusReplySchema,
  nodeRpcSubject,
  placementsReplySchema,
  reportSubject,
  waitingReplySchema,
  type FornaxEvent,
  type RecordedCommit,
} from '@fornax/contracts';
import { taskDecider, type TaskCommand, type TaskEvent, type TaskState } from '@fornax/domain';
import { JetStreamLog, connectNats, decideAndAppend } from '@fornax/event-store';
import { Sealer, verifyLeaseToken } from '@fornax/identity';
import { newId } from '@fornax/base';
import { aCommit, eventually, submitted } from '@fornax/testing';
import { MASTER_KEY, SchedulerRig, about, ended, isReady, noOp, started } from './scheduler.fixture.js';

const SLOW_MS = 120_000;
const TOKEN = 'a-token-of-ada';

let rig: SchedulerRig;

beforeAll(async () => {
  rig = await SchedulerRig.start();
  await rig.admitOperator(TOKEN);
}, SLOW_MS);
afterEach(() => rig.clear(), SLOW_MS);
afterAll(() => rig.close(), SLOW_MS);

describe('the scheduler on real servers', () => {
  it(
    'does not let a node end and bill what runs on another one',
    async () => {
      await rig.startScheduler();
      const victim = await rig.join('victim', 1);
      await rig.append('task', 'task-of-two', 0, submitted('task-of-two', { instances: '0' }));
      await eventually(() => victim.leases().length === 1);
      const attacker = await rig.join('attacker', 1);
      const [lease] = victim.leases();
      if (!lease) throw new Error('a lease');
      await victim.report(started(lease));
      await eventually(async () => (await rig.publicStateOf('task-of-two')) === 'FullyExecuting');
      const lie = { ...ended(lease), leaseId: lease.leaseId };
      for (const [subject, nodeId] of [
        ['attacker', 'victim'],
        ['attacker', 'attacker'],
      ] as const)
        await rig.publisher.publish(
          reportSubject(subject),
          Buffer.from(JSON.stringify({ nodeId, nodeEpoch: 1, reports: [lie] })),
        );
      // What comes behind the lies is taken in, so they have been looked at.
      await rig.append('task', 'task-behind', 0, submitted('task-behind', { instances: '0' }));
      await eventually(() => attacker.leases().length === 1);
      const [own] = attacker.leases();
      if (!own) throw new Error('a lease');
      await attacker.report(started(own), ended(own));
      await eventually(() => rig.isOver('task-behind'));
      expect(await rig.publicStateOf('task-of-two')).toBe('FullyExecuting');
      expect((await rig.eventsOf('task-of-two')).map(({ type }) => type)).toEqual([
        'TaskSubmitted',
        'InstancesDispatched',
        'InstancesStarted',
      ]);
      await victim.report(ended(lease));
      await eventually(() => rig.isOver('task-of-two'));
      await victim.leave();
      await attacker.leave();
    },
    SLOW_MS,
  );

  it(
    'places nothing for two grace periods after an operator accepted the log, so that nodes end what it does not know',
    async () => {
      const graceMs = 2_000;
      // Whoever ends writes what it knows of the log beside its rows.
      await rig.stopScheduler(await rig.startScheduler());
      const [mark] = await rig.query(
        'UPDATE scheduler.log_mark SET accepted_at = clock_timestamp() RETURNING accepted_at',
      );
      const acceptedAt = mark?.['accepted_at'];
      if (!(acceptedAt instanceof Date)) throw new Error('a mark');
      const node = await rig.join('fenced', 1, noOp);
      await rig.append('task', 'task-fenced', 0, submitted('task-fenced', { instances: '0' }));
      const scheduler = await rig.startScheduler({ FORNAX_NODE_GRACE_MS: String(graceMs) });
      await eventually(() => rig.isOver('task-fenced'), { timeoutMs: 60_000 });
      const dispatched = (await rig.eventsOf('task-fenced')).find(({ type }) => type === 'InstancesDispatched');
      expect((dispatched?.at ?? 0) - acceptedAt.getTime()).toBeGreaterThanOrEqual(2 * graceMs);
      await node.leave();
      await rig.stopScheduler(scheduler);
      await rig.query('UPDATE scheduler.log_mark SET accepted_at = NULL');
    },
    SLOW_MS,
  );

  it(
    'notices ends that were lost, asks, and gives away once what the living node does not know',
    async () => {
      await rig.startScheduler({ FORNAX_LEASE_MISSING_MS: '300' });
      const asked = new Set<string>();
      const node = await rig.join('forgets', 3, async (self, orders) => {
        for (const order of orders) {
          const lease = self.leases().find(({ leaseId }) => 'leaseId' in order && order.leaseId === leaseId);
          if (!lease) continue;
          if (order.kind === 'lease') await self.report(started(lease));
          // Its first attempts have ended without a word: of the first instance it knows how, of the second it knows nothing.
          if (order.kind === 'lease' && lease.attempt === 2) await self.report(ended(lease));
          if (order.kind !== 'tell') continue;
          asked.add(`${lease.instance}/${lease.attempt}`);
          const isForgotten = lease.instance === 1 && lease.attempt === 1;
          const known = lease.instance === 2 ? started(lease) : ended(lease);
          await self.report(isForgotten ? { kind: 'unknown', ...about(lease) } : known);
        }
      });
      await rig.append('task', 'task-lost', 0, submitted('task-lost', { instances: '0-2' }));
      await eventually(() => node.leases().length === 3);
      const held = node.leases().find(({ instance }) => instance === 2);
      if (!held) throw new Error('a lease');
      await eventually(
        async () => {
          node.list({ leaseId: held.leaseId, phase: 'running', moved: 0 });
          return (await rig.stateOf('task-lost')).succeeded.size > 0 && node.leases().length === 4;
        },
        { timeoutMs: 60_000 },
      );
      await node.report(ended(held));
      await eventually(() => rig.isOver('task-lost'));
      expect([...asked]).toEqual(expect.arrayContaining(['0/1', '1/1']));
      const attempts = (await rig.eventsOf('task-lost')).flatMap((event) =>
        event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued' ? event.attempts : [],
      );
      expect(
        attempts
          .map(({ instance, attempt, cause }) => [instance, attempt, cause])
          .sort((a, b) => Number(a[0]) - Number(b[0])),
      ).toEqual([
        [0, 1, undefined],
        [1, 1, 'platform'],
        [1, 2, undefined],
        [2, 1, undefined],
      ]);
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'leaves out what nobody can read, of the log and of reports, keeps it, and goes on with everything else',
    async () => {
      await rig.startScheduler();
      const node = await rig.join('reader', 4, noOp);
      await rig.publisher.publish('fx.ev.task.poison', Buffer.from('{"stream":"FX_LOGS","seq":1}'));
      await rig.publisher.publish(reportSubject('reader'), Buffer.from('no report'));
      await rig.append('task', 'task-goes-on', 0, submitted('task-goes-on', { instances: '0-3' }));
      await eventually(() => rig.isOver('task-goes-on'));
      await eventually(() => rig.log.quarantine.list().length === 2);
      // Of two streams, either may be read first.
      const bySubject = Object.groupBy(rig.log.quarantine.list(), ({ what }) =>
        'subject' in what ? what.subject : '',
      );
      expect(bySubject).toMatchObject({
        'fx.ev.task.poison': [{ state: 'open' }],
        [reportSubject('reader')]: [{ state: 'open', what: { stream: 'FX_REPORTS' } }],
      });
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'runs a task from its submission to its success',
    async () => {
      await rig.startScheduler();
      const node = await rig.join('node-a', 4, noOp);
      await rig.append('task', 'task-a', 0, submitted('task-a', { instances: '0-9' }));
      await eventually(() => rig.isOver('task-a'));
      const commits = await rig.log.readAggregate('task', 'task-a');
      expect(
        commits
          .slice(1)
          .every(({ meta }: RecordedCommit) => (meta.leaderEpoch ?? 0) > 0 && meta.source === 'scheduler'),
      ).toBe(true);
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'grants a current lease its secrets and storage credentials, and refuses any other',
    async () => {
      const sealer = new Sealer(MASTER_KEY);
      const { key, wrapped } = sealer.newDataKey();
      await rig.startScheduler();
      const node = await rig.join('node-b', 4);
      await rig.append(
        'task',
        'task-b',
        0,
        submitted('task-b', {
          instances: '0',
          wrappedKey: wrapped,
          constants: [{ key: 'QARNOT_SECRET_A', sealed: sealer.seal(key, 'hush') }],
          resources: [{ bucket: 'in', prefix: 'p/' }],
          resultBucket: 'out',
        }),
      );
      const [order] = await eventually(() => node.leases().length === 1 && node.leases());
      if (!order) throw new Error('a lease');
      const { leaseId, taskId, instance } = order;
      const grant = await rig.rpc.request(
        nodeRpcSubject('node-b', 'grant'),
        { leaseId, taskId, instance },
        grantReplySchema,
      );
      if (!grant.granted) throw new Error(grant.reason);
      expect(grant.secrets).toEqual({ QARNOT_SECRET_A: 'hush' });
      expect(verifyLeaseToken(MASTER_KEY, grant.s3.sessionToken)).toMatchObject({
        secretKey: grant.s3.secretKey,
        claims: {
          leaseId,
          owner: 'ada',
          node: 'node-b',
          read: [{ bucket: 'in', prefix: 'p/' }],
          results: { bucket: 'out', prefix: null },
        },
      });
      expect(
        await rig.rpc.request(nodeRpcSubject('node-x', 'grant'), { leaseId, taskId, instance }, grantReplySchema),
      ).toMatchObject({ granted: false });
      expect(await rig.rpc.request(RPC.leaseStatus, { leaseId, taskId, instance }, leaseStatusReplySchema)).toEqual({
        current: true,
      });
      await node.report(started(order));
      await eventually(
        async () => (await rig.rpc.request(RPC.placements, { taskId }, placementsReplySchema)).running.length === 1,
      );
      await node.report(ended(order));
      await eventually(() => rig.isOver('task-b'));
      expect(await rig.rpc.request(RPC.leaseStatus, { leaseId, taskId, instance }, leaseStatusReplySchema)).toEqual({
        current: false,
      });
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'tells why a task waits, and leads whoever asks for it at its old route to the one that answers',
    async () => {
      const first = await rig.startScheduler();
      const second = await rig.startScheduler();
      await rig.append('task', 'task-c', 0, submitted('task-c', { instances: '0-2' }));
      const why = (taskId: string) => rig.rpc.request(RPC.waiting, { taskId }, waitingReplySchema);
      await eventually(async () => {
        expect(await why('task-c')).toMatchObject({ known: true, reason: 'no-node' });
        return true;
      });
      expect(await why('task-c')).toMatchObject({ taskId: 'task-c', owner: 'ada', waiting: 3 });
      expect(await why('nothing')).toEqual({ known: false });
      const ask = async (base: string, path: string, token = TOKEN) =>
        fetch(`${base}/fornax/v1/scheduling${path}`, { headers: { authorization: token }, redirect: 'manual' });
      for (const { url } of [first, second]) {
        const moved = await ask(url, '/tasks/task-c/waiting');
        expect([moved.status, moved.headers.get('location')]).toEqual([308, '/fornax/v1/tasks/task-c/waiting']);
        expect(await (await ask(url, '')).json()).toMatchObject({ waitingInstances: 3 });
        await isReady(url);
      }
      const node = await rig.join('node-c', 4, noOp);
      await eventually(() => rig.isOver('task-c'));
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'carries the trace of the submission to the node',
    async () => {
      await rig.startScheduler();
      const node = await rig.join('node-j', 1, noOp);
      const traceId = '0af7651916cd43dd8448eb211c80319c';
      const commit = aCommit<FornaxEvent>(newId(), [submitted('task-j', { instances: '0' })]);
      await rig.log.append(
        'task',
        'task-j',
        { ...commit, meta: { ...commit.meta, traceparent: `00-${traceId}-b7ad6b7169203331-01` } },
        0,
      );
      await eventually(() => rig.isOver('task-j'));
      expect(node.leases()[0]?.traceparent).toContain(traceId);
      expect(
        (await rig.log.readAggregate('task', 'task-j')).every(({ meta }) => meta.traceparent?.includes(traceId)),
      ).toBe(true);
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'lets twenty users abort tasks that work as hard as they can',
    async () => {
      await rig.startScheduler();
      const node = await rig.join('node-busy', 200, noOp);
      const tasks = Array.from({ length: 20 }, (_, index) => `busy-${index}`);
      for (const task of tasks)
        await rig.append('task', task, 0, submitted(task, { instances: '0-49999' }, `owner of ${task}`));
      const commitsOf = async (task: string): Promise<number> => (await rig.log.readAggregate('task', task)).length;
      await eventually(async () => (await Promise.all(tasks.map(commitsOf))).every((commits) => commits > 5), {
        timeoutMs: 30_000,
      });
      // As submission does: from a fold that is behind, in another process.
      const elsewhere = await connectNats({
        url: rig.nats.url,
        user: rig.nats.user,
        password: rig.nats.password,
        name: 'spec-aborts',
      });
      const otherLog = await JetStreamLog.open(elsewhere);
      const tookMs = await Promise.all(
        tasks.map(async (task) => {
          const begun = performance.now();
          const { events } = await decideAndAppend<TaskState, TaskCommand, TaskEvent>({
            log: otherLog,
            aggregate: 'task',
            id: task,
            decider: taskDecider,
            command: { type: 'CancelTask', at: 5_000 },
            commitId: newId(),
            meta: { actor: 'user:ada', source: 'submission', correlationId: task },
            at: 5_000,
          });
          expect(events[0]?.type).toBe('TaskCancelRequested');
          return performance.now() - begun;
        }),
      );
      tookMs.sort((a, b) => a - b);
      process.stdout.write(
        `aborts of busy tasks, ms: median ${tookMs[10]?.toFixed(0)}, p99 ${tookMs[19]?.toFixed(0)}\n`,
      );
      expect(tookMs.at(-1)).toBeLessThan(4_000);
      // Decided on the newest state: nothing is dispatched after it, and the task ends as cancelled.
      await eventually(
        async () =>
          (await Promise.all(tasks.map((task) => rig.publicStateOf(task)))).every((state) => state === 'Cancelled'),
        {
          timeoutMs: 30_000,
        },
      );
      for (const task of tasks) {
        const types = (await rig.eventsOf(task)).map(({ type }) => type);
        expect(types.slice(types.indexOf('TaskCancelRequested'))).not.toContain('InstancesDispatched');
      }
      otherLog.close();
      await elsewhere.close();
      await node.leave();
    },
    SLOW_MS,
  );
});
