import type { HardwareConstraint } from '../task/task.events.js';
import type { ClosedNode, NodeView, SchedulingPolicy } from './plan.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { has, parseRanges, rangesOf, type Ranges } from '../shared/ranges.js';
import { overfilled, repeated } from '../invariants/invariants.js';
import { aHardware } from '../specs/facts.fixture.js';
import { plan as planClasses } from './plan.js';
import { satisfies, type InstanceNeeds } from './satisfies.js';
import { classKeyOf, classesOf, type QueueEntry } from './waiting-class.js';

const node = (id: string, cores: number, overrides: Partial<NodeView> = {}): NodeView => ({
  id,
  epoch: 1,
  hardware: aHardware({ cores }),
  freeCores: cores,
  freeMemoryMB: 32_768,
  ...overrides,
});
const entry = (taskId: string, overrides: Partial<QueueEntry> = {}): QueueEntry => ({
  taskId,
  owner: 'ada',
  plan: 'flex',
  request: { cores: 1, memoryMB: 256 },
  constraints: [],
  waiting: rangesOf(1),
  order: 1,
  ...overrides,
});
/** A round over tasks, with its reasons by task: a class's are those of its tasks that still wait. */
const plan = (cluster: readonly NodeView[], queue: readonly QueueEntry[], policy: SchedulingPolicy) => {
  const { placements, reasons } = planClasses(cluster, classesOf(queue), policy);
  expect(new Set(reasons.map(({ classKey }) => classKey)).size).toBe(reasons.length);
  const isLeft = ({ taskId, waiting }: QueueEntry): boolean =>
    placements.filter((placement) => placement.taskId === taskId).length < waiting.size;
  const ofTasks = reasons.flatMap(({ classKey, ...why }) =>
    queue.filter((one) => classKeyOf(one) === classKey && isLeft(one)).map(({ taskId }) => ({ taskId, ...why })),
  );
  return { placements, reasons: ofTasks };
};
const anything: SchedulingPolicy = { maxPlacements: 1_000 };
const tasksOf = (round: ReturnType<typeof plan>) => round.placements.map(({ taskId }) => taskId);
const ranges = (text: string): Ranges => {
  const parsed = parseRanges(text);
  if ('rejection' in parsed) throw new Error(parsed.rejection.detail);
  return parsed.ranges;
};

const closed = (status: ClosedNode['status'], cores = 8): ClosedNode => ({ status, hardware: aHardware({ cores }) });

describe('a scheduling round', () => {
  it('places an instance where it leaves least room', () =>
    expect(
      plan([node('big', 8), node('small', 2)], [entry('t', { request: { cores: 2, memoryMB: 1 } })], anything)
        .placements,
    ).toEqual([{ taskId: 't', instance: 0, node: 'small', nodeEpoch: 1 }]));

  it('lets an instance wait on a quick node when there is room nowhere, the one that may take most', () => {
    const full = { freeCores: 0 };
    const ahead = (leases: number) => [{ cores: 1, memoryMB: 256, leases }];
    const cluster = [
      node('a', 2, { ...full, ahead: ahead(1) }),
      node('b', 2, { ...full, ahead: ahead(2) }),
      node('c', 1),
    ];
    const { placements, reasons } = plan(cluster, [entry('t', { waiting: rangesOf(5) })], anything);
    expect(placements.map((placement) => placement.node)).toEqual(['c', 'b', 'a', 'b']);
    expect(reasons).toMatchObject([{ taskId: 't', reason: 'fleet-full' }]);
  });

  it('lets nothing wait of a size that a node has not ended, that may not run there, or beyond a quota', () => {
    const cluster = [node('a', 2, { freeCores: 0, ahead: [{ cores: 1, memoryMB: 256, leases: 9 }] })];
    const placed = (overrides: Partial<QueueEntry>, policy = anything) =>
      plan(cluster, [entry('t', { waiting: rangesOf(3), ...overrides })], policy).placements.length;
    expect(placed({})).toBe(3);
    expect(placed({ request: { cores: 2, memoryMB: 256 } })).toBe(0);
    expect(placed({ constraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 4 }] })).toBe(0);
    const ownerLimits = new Map([['ada', { maxInstances: 2, maxCores: 99 }]]);
    expect(placed({}, { ...anything, ownerLimits })).toBe(2);
  });

  it('places nothing of an owner or a project that has used up what it may cost, and says so', () => {
    const cluster = [node('n', 8)];
    const classes = [
      entry('free', { project: 'p' }),
      entry('paid', { project: 'q' }),
      entry('poor', { owner: 'bob', project: 'p' }),
      entry('old', { owner: 'q' }),
    ];
    const holdOf = (owner: string, project = owner) =>
      owner === 'bob'
        ? ({ kind: 'credits', holder: 'bob', stops: false, at: 1, until: null } as const)
        : project === 'q'
          ? ({ kind: 'budget', holder: 'q', stops: true, at: 1, until: null } as const)
          : undefined;
    const { placements, reasons } = plan(cluster, classes, { ...anything, holdOf });
    expect(placements.map(({ taskId }) => taskId)).toEqual(['free']);
    expect(reasons.map(({ reason }) => reason)).toEqual(['budget-exhausted', 'credits-exhausted', 'budget-exhausted']);
    expect(plan(cluster, classes, anything).placements).toHaveLength(4);
  });

  it('takes the first node by name when nothing else tells them apart', () =>
    expect(plan([node('b', 2), node('a', 2)], [entry('t')], anything).placements[0]?.node).toBe('a'));

  it('serves reserved before on demand before flex', () =>
    expect(
      tasksOf(
        plan(
          [node('n', 2)],
          [entry('flex'), entry('demand', { plan: 'onDemand' }), entry('reserved', { plan: 'reserved' })],
          anything,
        ),
      ),
    ).toEqual(['reserved', 'demand']));

  it('serves the tasks of one owner in the order of their submission', () =>
    expect(
      tasksOf(
        plan(
          [node('n', 3)],
          [entry('late', { order: 2, waiting: rangesOf(2) }), entry('early', { waiting: rangesOf(2) })],
          anything,
        ),
      ),
    ).toEqual(['early', 'early', 'late']));

  it('keeps that order between tasks of different sizes', () => {
    const small = { cores: 1, memoryMB: 1 };
    const queue = [
      entry('first', { request: small }),
      entry('third', { order: 3, request: small }),
      entry('second', { order: 2 }),
      entry('fourth', { order: 4 }),
    ];
    expect(tasksOf(plan([node('n', 8)], queue, anything))).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('shares between owners, those with the fewest running cores first', () => {
    const queue = [
      entry('ada-1', { waiting: rangesOf(9) }),
      entry('bob-1', { owner: 'bob', order: 2, waiting: rangesOf(9) }),
    ];
    expect(tasksOf(plan([node('n', 4)], queue, anything))).toEqual(['ada-1', 'bob-1', 'ada-1', 'bob-1']);
    const ownerUsage = new Map([['ada', { instances: 2, cores: 2 }]]);
    expect(tasksOf(plan([node('n', 4)], queue, { ...anything, ownerUsage }))).toEqual([
      'bob-1',
      'bob-1',
      'ada-1',
      'bob-1',
    ]);
  });

  it('stops at the quota of an owner and says so', () => {
    const limits = (maxInstances: number, maxCores: number) => new Map([['ada', { maxInstances, maxCores }]]);
    const queue = [entry('t', { waiting: rangesOf(5), request: { cores: 2, memoryMB: 1 } })];
    const byCount = plan([node('n', 8)], queue, { ...anything, ownerLimits: limits(2, 99) });
    expect(byCount).toMatchObject({
      placements: [{ instance: 0 }, { instance: 1 }],
      reasons: [{ taskId: 't', reason: 'quota' }],
    });
    expect(plan([node('n', 8)], queue, { ...anything, ownerLimits: limits(99, 5) }).placements).toHaveLength(2);
  });

  it('stays below closer ceilings, counting all owners under one', () => {
    const queue = [
      entry('ada-1', { waiting: rangesOf(5) }),
      entry('bob-1', { owner: 'bob', waiting: rangesOf(5), order: 2 }),
      entry('ada-2', { plan: 'onDemand', waiting: rangesOf(5), order: 3 }),
    ];
    const shared = { key: 'acme', of: 'the organization', maxInstances: 5, maxCores: 99 };
    const own = { key: 'ada onDemand', of: 'the account in the plan onDemand', maxInstances: 99, maxCores: 2 };
    const policy: SchedulingPolicy = {
      ...anything,
      ceilingsOf: (owner, tier) => (owner === 'ada' && tier === 'onDemand' ? [shared, own] : [shared]),
      ceilingUsage: new Map([['acme', { instances: 1, cores: 1 }]]),
    };
    const round = plan([node('n', 64)], queue, policy);
    expect(tasksOf(round)).toEqual(['ada-2', 'ada-2', 'bob-1', 'bob-1']);
    expect(Object.fromEntries(round.reasons.map(({ taskId, detail }) => [taskId, detail]))).toEqual({
      'ada-2': 'the account in the plan onDemand runs as much as it may at once',
      'ada-1': 'the organization runs as much as it may at once',
      'bob-1': 'the organization runs as much as it may at once',
    });
  });

  it('says why an instance waits', () => {
    const gpu: HardwareConstraint = { discriminator: 'GpuHardwareConstraint' };
    expect(plan([], [entry('t')], anything).reasons).toMatchObject([{ taskId: 't', reason: 'no-node' }]);
    expect(plan([node('n', 2)], [entry('t', { constraints: [gpu] })], anything).reasons).toMatchObject([
      { reason: 'no-node-fits' },
    ]);
    expect(plan([node('n', 2)], [entry('t', { request: { cores: 3, memoryMB: 1 } })], anything).reasons).toMatchObject([
      { reason: 'no-node-fits' },
    ]);
    expect(plan([node('n', 2, { freeCores: 0 })], [entry('t')], anything).reasons).toMatchObject([
      { reason: 'fleet-full' },
    ]);
  });

  it.each<[string, string, string, readonly NodeView[], readonly ClosedNode[]]>([
    ['no node ever joined', 'no-node', 'no node has joined yet', [], []],
    ['all are lost', 'no-node', 'no node is online', [], [closed('lost')]],
    ['all are retired', 'no-node', 'every node was retired', [], [closed('retired')]],
    ['all drain', 'nodes-drain', 'every node that is online drains and takes no new work', [], [closed('draining')]],
    [
      'the disks of all are full',
      'disks-full',
      'every node that is online has no room on its disk, or has had some for less than a minute',
      [],
      [closed('disk-full'), closed('lost')],
    ],
    [
      'the disk of the one that fits is full, another one drains',
      'disks-full',
      'every node that fits drains, or has no room on its disk, or has had some for less than a minute',
      [node('small', 1)],
      [closed('disk-full'), closed('draining')],
    ],
    [
      'one with a full disk is too small',
      'no-node-fits',
      'no node that meets the constraints has 2 cores and 1 MB of memory',
      [],
      [closed('disk-full', 1)],
    ],
    [
      'one drains, one is lost',
      'nodes-drain',
      'every node that is online drains and takes no new work',
      [],
      [closed('draining'), closed('lost')],
    ],
    [
      'one drains, the rest is too small',
      'nodes-drain',
      'every node that fits drains and takes no new work',
      [node('small', 1)],
      [closed('draining')],
    ],
    ['the one that fits is lost', 'nodes-away', 'no node that fits is online', [node('small', 1)], [closed('lost')]],
    [
      'the one that drains is too small, too',
      'no-node-fits',
      'no node that meets the constraints has 2 cores and 1 MB of memory',
      [],
      [closed('draining', 1)],
    ],
    [
      'one that fits is full, another one drains',
      'fleet-full',
      'no node that fits has 2 cores and 1 MB of memory free',
      [node('n', 4, { freeCores: 0 })],
      [closed('draining')],
    ],
    [
      'a retired one would fit',
      'no-node-fits',
      'no node that meets the constraints has 2 cores and 1 MB of memory',
      [node('small', 1)],
      [closed('retired')],
    ],
  ])('tells the truth when %s', (_situation, reason, detail, cluster, closedNodes) =>
    expect(
      plan(cluster, [entry('t', { request: { cores: 2, memoryMB: 1 } })], { ...anything, closedNodes }).reasons,
    ).toEqual([{ taskId: 't', reason, detail }]),
  );

  it('places what is to get out to the network where that is possible or not known, and says so when it is nowhere', () => {
    const without = node('a-without', 1, { hardware: aHardware({ cores: 1, wayOut: false }) });
    const outgoing = entry('t', { needs: { wayOut: true }, waiting: rangesOf(3) });
    const round = plan(
      [without, node('earlier', 1), node('with', 1, { hardware: aHardware({ cores: 1, wayOut: true }) })],
      [outgoing],
      anything,
    );
    expect(round.placements.map((placement) => placement.node)).toEqual(['earlier', 'with']);
    expect(round.reasons).toMatchObject([{ reason: 'fleet-full' }]);
    expect(plan([without], [outgoing, entry('batch', { order: 2 })], anything)).toMatchObject({
      placements: [{ taskId: 'batch', node: 'a-without' }],
      reasons: [{ taskId: 't', reason: 'no-node-fits', detail: expect.stringContaining('lets instances out') }],
    });
    const ahead = { freeCores: 0, ahead: [{ cores: 1, memoryMB: 256, leases: 9 }] };
    expect(plan([{ ...without, ...ahead }], [outgoing], anything).placements).toEqual([]);
  });

  it('leaves out nodes that cannot run a task, and says what none of them has', () => {
    const container = aHardware({ cores: 1, waysIn: false, images: true, hostPrograms: false });
    const plain = aHardware({ cores: 1, waysIn: false, images: false, hostPrograms: true });
    const fleet = [node('container', 1, { hardware: container }), node('plain', 1, { hardware: plain })];
    const tasks = [
      entry('a-image', { needs: { image: true } }),
      entry('b-plain', { needs: { hostPrograms: true }, order: 2 }),
      entry('c-way', { needs: { waysIn: true, image: true }, order: 3 }),
    ];
    const { placements, reasons } = plan(fleet, tasks, anything);
    expect(placements.map(({ taskId, node: on }) => `${taskId} ${on}`)).toEqual(['a-image container', 'b-plain plain']);
    expect(reasons).toEqual([
      {
        taskId: 'c-way',
        reason: 'no-node-fits',
        detail: 'no node that fits has ways in, for the ports that the task opens; warnings of the nodes say why',
      },
    ]);
    const why = (needs: InstanceNeeds, at: NodeView): unknown => plan([at], [entry('t', { needs })], anything).reasons;
    const sentence = (what: string): unknown => [
      expect.objectContaining({ reason: 'no-node-fits', detail: expect.stringContaining(`no node that fits ${what}`) }),
    ];
    expect(why({ hostPrograms: true }, node('c', 1, { hardware: container }))).toEqual(
      sentence('runs tasks that name no image'),
    );
    expect(why({ image: true }, node('p', 1, { hardware: plain }))).toEqual(sentence('runs images'));
    // An earlier agent says nothing, and has or tries all but slots.
    expect(why({ hostPrograms: true, waysIn: true, image: true, wayOut: true }, node('earlier', 1))).toEqual([]);
    expect(why({ slots: true }, node('earlier', 1))).toEqual(sentence('holds slots of pools'));
  });

  it('places nothing where its node lacks what it needs, whatever the fleet', () => {
    const fact = fc.option(fc.boolean(), { nil: undefined });
    const facts = fc.record(
      { wayOut: fact, waysIn: fact, images: fact, hostPrograms: fact, slots: fact },
      { requiredKeys: [] },
    );
    const needs = fc.subarray(['wayOut', 'waysIn', 'image', 'hostPrograms', 'slots'] as const);
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 4 }), fc.array(needs, { maxLength: 4 }), (fleet, wanted) => {
        const cluster = fleet.map((some, at) => {
          const said = Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined));
          return node(`n${at}`, 4, { hardware: aHardware({ cores: 4, ...said }) });
        });
        const queue = wanted.map((all, at) =>
          entry(`t${at}`, { needs: Object.fromEntries(all.map((one) => [one, true])), order: at }),
        );
        const { placements, reasons } = plan(cluster, queue, anything);
        for (const { taskId, node: on } of placements) {
          const { hardware } = cluster.find(({ id }) => id === on) ?? { hardware: aHardware() };
          const { wayOut = true, waysIn = true, images = true, hostPrograms = true, slots = false } = hardware;
          const has = { wayOut, waysIn, image: images, hostPrograms, slots };
          for (const one of wanted[Number(taskId.slice(1))] ?? []) expect(has[one]).toBe(true);
        }
        const waits = queue.filter(({ taskId }) => placements.every((placement) => placement.taskId !== taskId));
        expect(reasons.map(({ taskId }) => taskId).toSorted()).toEqual(waits.map(({ taskId }) => taskId).toSorted());
      }),
    );
  });

  it('keeps the room for files that instances were promised, and says so when no node has as much', () => {
    const large = node('large', 8, { hardware: aHardware({ diskMB: 100 }), freeDiskMB: 100 });
    const asking = entry('t', { request: { cores: 1, memoryMB: 1, diskMB: 40 }, waiting: rangesOf(4) });
    // An earlier agent says nothing of its disk.
    const cluster = [large, node('earlier', 1)];
    const round = plan(cluster, [asking, entry('plain', { order: 2, waiting: rangesOf(1) })], anything);
    expect(round.placements.map(({ taskId, node: on }) => `${taskId} ${on}`)).toEqual([
      't large',
      't large',
      'plain earlier',
    ]);
    const wanted = '1 core, 1 MB of memory and 40 MB of disk for its files';
    expect(round.reasons).toEqual([
      { taskId: 't', reason: 'fleet-full', detail: `no node that fits has ${wanted} free` },
    ]);
    expect(plan([node('earlier', 1)], [asking], anything).reasons).toEqual([
      { taskId: 't', reason: 'no-node-fits', detail: `no node that meets the constraints has ${wanted}` },
    ]);
    const ahead = { freeCores: 0, freeDiskMB: 39, ahead: [{ cores: 1, memoryMB: 1, leases: 9 }] };
    expect(plan([{ ...large, ...ahead }], [asking], anything).placements).toEqual([]);
    expect(plan([{ ...large, ...ahead, freeDiskMB: 80 }], [asking], anything).placements).toHaveLength(2);
  });

  it('lets a small request run past a large one that does not fit', () =>
    expect(
      plan(
        [node('n', 4, { freeCores: 1 })],
        [entry('large', { request: { cores: 2, memoryMB: 1 } }), entry('small', { order: 2 })],
        anything,
      ),
    ).toMatchObject({
      placements: [{ taskId: 'small' }],
      reasons: [{ taskId: 'large', reason: 'fleet-full' }],
    }));

  it('gives no reason to what only the limit of the round left over', () =>
    expect(plan([node('n', 8)], [entry('t', { waiting: rangesOf(5) })], { maxPlacements: 2 })).toMatchObject({
      placements: [{}, {}],
      reasons: [],
    }));

  it('takes the waiting instances in order, gaps included', () =>
    expect(
      plan([node('n', 8)], [entry('t', { waiting: ranges('3,7-8') })], anything).placements.map(
        ({ instance }) => instance,
      ),
    ).toEqual([3, 7, 8]));

  it('costs what it places, not what waits', () => {
    // Going through all of them would not end.
    const round = plan([node('n', 64)], [entry('t', { waiting: rangesOf(2 ** 50) })], anything);
    expect(round.placements).toHaveLength(64);
  });
});

describe('any scheduling round', () => {
  const nodes = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      cores: fc.integer({ min: 1, max: 8 }),
      free: fc.nat(8),
      memory: fc.nat(4_000),
      disk: fc.option(fc.nat(100), { nil: undefined }),
    }),
    {
      selector: ({ id }) => id,
    },
  );
  const entries = fc.uniqueArray(
    fc.record({
      taskId: fc.constantFrom('t1', 't2', 't3', 't4', 't5'),
      owner: fc.constantFrom('ada', 'bob', 'cy'),
      plan: fc.constantFrom('flex' as const, 'onDemand' as const, 'reserved' as const),
      cores: fc.integer({ min: 1, max: 4 }),
      memoryMB: fc.nat(2_000),
      diskMB: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
      count: fc.nat(9),
      order: fc.nat(5),
      largest: fc.option(fc.integer({ min: 1, max: 8 })),
    }),
    { selector: ({ taskId }) => taskId },
  );

  it('never exceeds a node, never doubles an instance, and places or explains every task', () => {
    fc.assert(
      fc.property(nodes, entries, fc.nat(20), (specs, tasks, maxPlacements) => {
        const cluster = specs.map(({ id, cores, free, memory, disk }) =>
          node(id, cores, {
            freeCores: Math.min(cores, free),
            freeMemoryMB: memory,
            ...(disk === undefined ? {} : { freeDiskMB: disk }),
          }),
        );
        const queue = tasks.map(({ cores, memoryMB, diskMB, count, largest, ...rest }) => ({
          ...rest,
          request: { cores, memoryMB, ...(diskMB === undefined ? {} : { diskMB }) },
          waiting: rangesOf(count),
          constraints:
            largest === null ? [] : [{ discriminator: 'MaximumCoreHardwareConstraint', coreCount: largest } as const],
        }));
        const round = plan(cluster, queue, { maxPlacements });

        const taken = round.placements.map(({ node: on, taskId }) => {
          const task = queue.find((one) => one.taskId === taskId);
          const host = cluster.find(({ id }) => id === on);
          expect(task && host && satisfies(host.hardware, task.constraints)).toBe(true);
          const { cores = 0, memoryMB = 0, diskMB = 0 } = task?.request ?? {};
          return { node: on, cores, memoryMB, diskMB };
        });
        const rooms = cluster.map(({ id, freeCores: cores, freeMemoryMB: memoryMB, freeDiskMB: diskMB = 0 }) => ({
          node: id,
          cores,
          memoryMB,
          diskMB,
        }));
        expect(overfilled(rooms, taken)).toEqual([]);
        expect(repeated(round.placements.map(({ taskId, instance }) => `${taskId}/${instance}`))).toEqual([]);
        expect(round.placements.length).toBeLessThanOrEqual(maxPlacements);
        for (const task of queue) {
          const placed = round.placements.filter(({ taskId }) => taskId === task.taskId);
          expect(placed.every(({ instance }) => has(task.waiting, instance))).toBe(true);
          const isExplained = round.reasons.filter(({ taskId }) => taskId === task.taskId).length;
          if (placed.length === task.waiting.size) expect(isExplained).toBe(0);
          else if (round.placements.length < maxPlacements) expect(isExplained).toBe(1);
        }
        expect(plan(cluster.toReversed(), queue, { maxPlacements })).toEqual(round);
      }),
    );
  });
});

describe('hardware constraints', () => {
  const hardware = aHardware({ cores: 8, memoryMB: 16_384, diskMB: 500, ssd: true, gpus: 0 });
  it.each<[boolean, HardwareConstraint]>([
    [true, { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 8 }],
    [false, { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 9 }],
    [true, { discriminator: 'MaximumCoreHardwareConstraint', coreCount: 8 }],
    [false, { discriminator: 'MaximumCoreHardwareConstraint', coreCount: 7 }],
    [true, { discriminator: 'MinimumRamCoreRatioHardwareConstraint', minimumMemoryGBCoreRatio: 2 }],
    [false, { discriminator: 'MaximumRamCoreRatioHardwareConstraint', maximumMemoryGBCoreRatio: 1.5 }],
    [true, { discriminator: 'MinimumRamHardwareConstraint', minimumMemoryMB: 16_000 }],
    [false, { discriminator: 'MaximumRamHardwareConstraint', maximumMemoryMB: 16_000 }],
    [true, { discriminator: 'MinimumDiskHardwareConstraint', minimumDiskMB: 500 }],
    [false, { discriminator: 'MinimumDiskHardwareConstraint', minimumDiskMB: 500.5 }],
    [true, { discriminator: 'SpecificHardwareConstraint', specificationKey: 'intel-Xeon' }],
    [false, { discriminator: 'SpecificHardwareConstraint', specificationKey: 'amd' }],
    [false, { discriminator: 'GpuHardwareConstraint' }],
    [true, { discriminator: 'NoGpuHardwareConstraint' }],
    [true, { discriminator: 'SSDHardwareConstraint' }],
    [false, { discriminator: 'NoSSDHardwareConstraint' }],
    [true, { discriminator: 'CpuModelHardwareConstraint', cpuModel: 'xeon platinum' }],
  ])('answer %s to %j', (expected, constraint) => {
    expect(satisfies(hardware, [constraint])).toBe(expected);
  });
});
