import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { taskSchema } from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import { systemClock } from '@fornax/base';
import { aLease, anEnd, aRef } from '@fornax/testing';
import fc from 'fast-check';
import { startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({}, { commitsAt: 'event' });
}, 120_000);
afterEach(() => void jest.restoreAllMocks());
afterAll(() => harness.close());

interface Event {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly data: Readonly<Record<string, unknown>>;
}
interface Page {
  readonly events: readonly Event[];
  readonly next: number | null;
}

const get = (path: string, token?: string): Promise<Answer> =>
  harness.call('GET', path, undefined, token === undefined ? {} : { token });
const eventsOf = async (id: string, query = ''): Promise<Page> =>
  (await get(`/fornax/v1/tasks/${id}/events${query}`)).json() as unknown as Page;
const typesOf = ({ events }: Page): readonly string[] => events.map(({ type }) => type);
const at = (ms: number): void => void jest.spyOn(systemClock, 'now').mockReturnValue(ms);

const snapshotMeta = { actor: 'service:snapshot' as const, source: 'snapshot', correlationId: 'test' };
/** A snapshot of the task is triggered and completed, as the snapshot service would say. */
const takeSnapshot = async (taskId: string, when: number): Promise<void> => {
  const snapshotId = `snapshot-of-${taskId}-${when}`;
  const config = { whitelist: null, blacklist: null, bucket: 'b', prefix: null };
  const first = await harness.log.append(
    'snapshot',
    snapshotId,
    {
      id: `${snapshotId}-1`,
      at: when,
      meta: snapshotMeta,
      events: [{ type: 'SnapshotTriggered', snapshotId, taskId, owner: 'ada', config, parts: [], at: when }],
    },
    0,
  );
  await harness.log.append(
    'snapshot',
    snapshotId,
    {
      id: `${snapshotId}-2`,
      at: when,
      meta: snapshotMeta,
      events: [{ type: 'SnapshotCompleted', taskId, files: 1, bytes: 2, at: when }],
    },
    first,
  );
  await get('/tasks/nobody');
};

describe('the events of a task', () => {
  it('tell everything in order, without secrets, a page at a time', async () => {
    const id = await submitTo(harness, {
      shortname: 'told',
      constants: [{ key: 'QARNOT_SECRET_KEY', value: 'hush' }],
    });
    await harness.happen(id, { type: 'InstancesDispatched', leases: [aLease(0), aLease(1)], at: 5 });
    await takeSnapshot(id, 6);
    await harness.happen(id, { type: 'WaitingReasonChanged', reason: 'fleet-full', detail: 'no room', at: 7 });
    const all = await eventsOf('told');
    expect(typesOf(all)).toEqual([
      'TaskSubmitted',
      'InstancesDispatched',
      'SnapshotTriggered',
      'SnapshotCompleted',
      'WaitingReasonChanged',
    ]);
    expect(all.next).toBeNull();
    expect(JSON.stringify(all)).not.toContain('hush');
    expect(JSON.stringify(all)).not.toContain('sealed');
    expect(all.events[0]).toMatchObject({ actor: expect.stringMatching(/^user:/), version: 2 });
    const paged: Event[] = [];
    for (let next: number | null = 0; next !== null;) {
      const page: Page = await eventsOf(id, `?after=${next}&limit=2`);
      expect(page.events.length).toBeLessThanOrEqual(2);
      paged.push(...page.events);
      ({ next } = page);
    }
    expect(paged).toEqual(all.events);
  });

  it('are bounded however large one commit is', async () => {
    const id = await submitTo(harness, { instanceCount: 5_000 });
    const leases = Array.from({ length: 5_000 }, (_, instance) => aLease(instance));
    await harness.happen(id, { type: 'InstancesDispatched', leases, at: 5 });
    const answer = await get(`/fornax/v1/tasks/${id}/events`);
    expect(answer.text.length).toBeLessThan(50_000);
    expect(answer.text).toContain('"instances":"0-4999"');
  });

  it('outlive the task, for its owner', async () => {
    const id = await submitTo(harness);
    const last = (await harness.log.head()).sequence;
    await harness.call('DELETE', `/tasks/${id}`);
    expect(typesOf(await eventsOf(id))).toEqual(expect.arrayContaining(['TaskSubmitted', 'TaskDeleted']));
    expect((await get(`/fornax/v1/tasks/${id}?asOf=${last}`)).json()).toMatchObject({ uuid: id, state: 'Submitted' });
    const now = await get(`/fornax/v1/tasks/${id}?asOf=${(await harness.log.head()).sequence}`);
    expect(now).toMatchObject({ status: 404, text: expect.stringContaining('deleted') });
    expect((await get(`/fornax/v1/tasks/${id}`)).status).toBe(404);
  });

  it('are nobody else’s business, except the operator’s', async () => {
    const other = await harness.addAccount();
    const mine = await submitTo(harness);
    const theirs = String(
      (
        await harness.call('POST', '/tasks', { name: 'x', instanceCount: 1, profile: 'docker-batch' }, { token: other })
      ).json()['uuid'],
    );
    for (const path of ['', '/events', '?asOf=1']) {
      expect((await get(`/fornax/v1/tasks/${mine}${path}`, other)).status).toBe(404);
    }
    expect((await get(`/fornax/v1/tasks/${theirs}/events`)).status).toBe(200);
    expect((await get(`/fornax/v1/tasks/none/events`)).status).toBe(404);
    expect((await get(`/fornax/v1/tasks/${mine}/events`, '')).status).toBe(401);
  });

  it('refuses what cannot be asked', async () => {
    const id = await submitTo(harness);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'after=-1', 'after=a'])
      expect((await get(`/fornax/v1/tasks/${id}/events?${query}`)).status).toBe(400);
    for (const asOf of ['soon', '', '999999999', '2026-99-01T00:00:00Z'])
      expect((await get(`/fornax/v1/tasks/${id}?asOf=${asOf}`)).status).toBe(400);
    for (const asOf of ['0', '2001-01-01T00:00:00Z'])
      expect(await get(`/fornax/v1/tasks/${id}?asOf=${asOf}`)).toMatchObject({
        status: 404,
        text: expect.stringContaining('not exist yet'),
      });
  });
});

type Happening = 'dispatch' | 'start' | 'exit' | 'succeed' | 'fail' | 'requeue';
type Phase = 'waiting' | 'dispatched' | 'executing' | 'uploading' | 'over';
/** What may happen to a task next, as one commit. */
interface Step {
  readonly what: Happening | 'wait' | 'snapshot' | 'tag' | 'abort';
  readonly instance: number;
  readonly gapMs: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<Happening>('dispatch', 'start', 'exit', 'succeed', 'fail', 'requeue') },
    { weight: 2, arbitrary: fc.constantFrom('wait' as const, 'snapshot' as const, 'tag' as const) },
    { weight: 1, arbitrary: fc.constant('abort' as const) },
  ),
  instance: fc.nat({ max: 2 }),
  gapMs: fc.integer({ min: 1_000, max: 200_000 }),
});

/** From which phase of an instance each happening leads to which. */
const PHASES: Readonly<Record<Happening, readonly [from: Phase, to: Phase]>> = {
  dispatch: ['waiting', 'dispatched'],
  start: ['dispatched', 'executing'],
  exit: ['executing', 'uploading'],
  succeed: ['uploading', 'over'],
  fail: ['executing', 'over'],
  requeue: ['executing', 'waiting'],
};

const eventOf = (what: Happening, instance: number, attempt: number, at: number): TaskEvent => {
  const specificationKey = instance % 2 === 0 ? 'zz' : 'longer-but-first';
  const hardware = { specificationKey, cpuModel: 'Intel Xeon', cores: 8, ghz: 2.5 };
  const end = (outcome: 'success' | 'failure') => {
    const cause = outcome === 'failure' ? { cause: 'user' as const } : {};
    const times = { startedAt: at - 900, endedAt: at - 10 };
    return anEnd(instance, { attempt, outcome, ...cause, ...times, hardware, uploadedFiles: instance });
  };
  switch (what) {
    case 'dispatch':
      return { type: 'InstancesDispatched', leases: [aLease(instance, { attempt })], at };
    case 'start':
      return { type: 'InstancesStarted', leases: [{ ...aRef(instance, attempt), startedAt: at - 100 }], at };
    case 'exit':
      return { type: 'InstancesExited', leases: [aRef(instance, attempt)], at };
    case 'succeed':
      return { type: 'InstancesConcluded', attempts: [end('success')], at };
    case 'fail':
      return { type: 'InstancesConcluded', attempts: [end('failure')], at };
    case 'requeue':
      return { type: 'InstancesRequeued', attempts: [end('failure')], at };
  }
};

/** A task whose instances go through their phases as far as the steps allow it. */
class Life {
  private readonly phases: Phase[] = ['waiting', 'waiting', 'waiting'];
  private readonly attempts = [0, 0, 0];

  constructor(private readonly id: string) {}

  /** What is not possible now does not happen. */
  async go({ what, instance }: Step, now: number): Promise<void> {
    if (what === 'snapshot') await takeSnapshot(this.id, now);
    else if (what === 'tag') await harness.call('PUT', `/tasks/${this.id}`, { tags: [`t-${now}`] });
    else if (what === 'wait')
      await harness.happen(this.id, { type: 'WaitingReasonChanged', reason: `r-${now}`, detail: null, at: now });
    else if (what === 'abort') {
      if ((await harness.call('POST', `/tasks/${this.id}/abort`)).status !== 200) return;
      for (const [index, phase] of this.phases.entries()) if (phase === 'waiting') this.phases[index] = 'over';
    } else {
      const [from, to] = PHASES[what];
      if (this.phases[instance] !== from) return;
      this.phases[instance] = to;
      if (what === 'dispatch') this.attempts[instance] = (this.attempts[instance] ?? 0) + 1;
      await harness.happen(this.id, eventOf(what, instance, this.attempts[instance] ?? 1, now));
    }
  }
}

interface Seen {
  readonly sequence: number;
  readonly now: number;
  readonly said: unknown;
}

describe('a task as of a moment', () => {
  /** Lives one life. @returns what GET /tasks/{id} said after each commit, with the place and the time of that commit */
  const live = async (steps: readonly Step[]): Promise<{ readonly id: string; readonly seen: readonly Seen[] }> => {
    let now = Date.UTC(2026, 0, 1);
    at(now);
    const id = await submitTo(harness, { instanceCount: 3, resultBucket: 'output' });
    const life = new Life(id);
    const seen: Seen[] = [];
    const look = async (): Promise<void> => {
      const { sequence } = await harness.log.head();
      seen.push({ sequence, now, said: taskSchema.parse((await get(`/tasks/${id}`)).json()) });
    };
    await look();
    for (const next of steps) {
      at(now + next.gapMs);
      await life.go(next, now + next.gapMs);
      if ((await harness.log.head()).sequence === seen.at(-1)?.sequence) continue;
      now += next.gapMs;
      await look();
    }
    return { id, seen };
  };

  it('equals what the status showed after each commit, by sequence and by instant', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const { id, seen } = await live(steps);
        for (const { sequence, said, now } of seen) {
          expect((await get(`/fornax/v1/tasks/${id}?asOf=${sequence}`)).json()).toEqual(said);
          const instant = new Date(now).toISOString();
          expect((await get(`/fornax/v1/tasks/${id}?asOf=${instant}`)).json()).toEqual(said);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('shows a page of ended instances as the status does', async () => {
    const id = await submitTo(harness, { instanceCount: 12_000 });
    const attempts = Array.from({ length: 12_000 }, (_, instance) =>
      anEnd(instance, instance % 1_000 === 999 ? { outcome: 'failure', exitCode: 1 } : {}),
    );
    const now = Date.now();
    await harness.happen(id, {
      type: 'InstancesDispatched',
      leases: attempts.map(({ instance }) => aLease(instance)),
      at: now,
    });
    await harness.happen(id, { type: 'InstancesConcluded', attempts: attempts.slice(0, 7_000), at: now });
    await harness.happen(id, { type: 'InstancesConcluded', attempts: attempts.slice(7_000), at: now });
    at(now);
    const said = (await get(`/tasks/${id}`)).json();
    const { sequence } = await harness.log.head();
    expect((await get(`/fornax/v1/tasks/${id}?asOf=${sequence}`)).json()).toEqual(said);
  }, 60_000);
});
