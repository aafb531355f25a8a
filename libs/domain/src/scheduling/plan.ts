import type { NodeHardware } from '../node/node.events.js';
import type { ResourceRequest, SchedulingPlan } from '../task/task.events.js';
import { iterate } from '../shared/ranges.js';
import { whyHeld, type SpendingHold } from '../spending/holds.js';
import { mayRunOn, provides, satisfies, whatIsMissing } from './satisfies.js';
import type { WaitingClass } from './waiting-class.js';

/** A node that accepts work, with what is free on it before this round. */
export interface NodeView {
  readonly id: string;
  readonly epoch: number;
  readonly hardware: NodeHardware;
  readonly freeCores: number;
  readonly freeMemoryMB: number;
  /** Room for files that nobody was promised; absent: not known, and none is promised. */
  readonly freeDiskMB?: number;
  /** Leases of these sizes that the node may be given beyond its room: it keeps them waiting until there is some. None where absent. */
  readonly ahead?: readonly LeasesAhead[];
  /** Tasks failed there one after the other by the platform's fault: nothing goes there while another node would do; with `trial`, one instance that shows whether it is well again. */
  readonly heldBack?: 'closed' | 'trial';
  /** The same for one owner alone, by the owner: that one's tasks failed there. */
  readonly heldBackFor?: ReadonlyMap<string, 'closed' | 'trial'>;
}

/** How many leases of a size may wait on a node. */
export interface LeasesAhead extends ResourceRequest {
  readonly leases: number;
}

/** A node that takes no work now. */
export interface ClosedNode {
  readonly status: 'draining' | 'disk-full' | 'lost' | 'retired';
  readonly hardware: NodeHardware;
}

/** What an owner has, or may have, running at once. */
export interface OwnerUsage {
  readonly instances: number;
  readonly cores: number;
}

/** What an owner must stay below beside its limits as a whole: with one plan, or together with the others of its organization. */
export interface Ceiling {
  /** Everything that counts under it has the same key. */
  readonly key: string;
  /** Whose it is, in words. */
  readonly of: string;
  readonly maxInstances: number;
  readonly maxCores: number;
}

export interface SchedulingPolicy {
  /** Most placements of one round, so that a round stays short and its commits small. */
  readonly maxPlacements: number;
  /** Nodes beside those of the cluster: what they are decides only what is said of a task that waits. */
  readonly closedNodes?: readonly ClosedNode[];
  readonly ownerLimits?: ReadonlyMap<string, { readonly maxInstances: number; readonly maxCores: number }>;
  readonly ownerUsage?: ReadonlyMap<string, OwnerUsage>;
  readonly ceilingsOf?: (owner: string, plan: SchedulingPlan) => readonly Ceiling[];
  /** Why nothing of an owner may start in a project: what it may cost is used up. */
  readonly holdOf?: (owner: string, project: string | undefined) => SpendingHold | undefined;
  /** What runs under each ceiling before the round, by its key. */
  readonly ceilingUsage?: ReadonlyMap<string, OwnerUsage>;
}

export interface Placement {
  readonly taskId: string;
  readonly instance: number;
  readonly node: string;
  readonly nodeEpoch: number;
}

/**
 * no-node: none is there; nodes-drain, disks-full, nodes-away: those that fit take nothing new, have no room on their disks, or are not online; no-node-fits: none that is known would do;
 * nodes-failing: those that fit and have room, or the registry of its image, failed a moment ago by the platform's fault;
 * fleet-full: those that fit are busy; quota; credits-exhausted, budget-exhausted: what the account, or the project, may cost is used up.
 */
export type WaitingReason =
  | 'no-node'
  | 'nodes-drain'
  | 'disks-full'
  | 'nodes-away'
  | 'no-node-fits'
  | 'fleet-full'
  | 'nodes-failing'
  | 'quota'
  | 'credits-exhausted'
  | 'budget-exhausted';

/** Why the tasks of a class wait. */
export interface Reason {
  readonly classKey: string;
  readonly reason: WaitingReason;
  readonly detail: string;
}

export interface Plan {
  readonly placements: readonly Placement[];
  /** One for each class of which some instance could not be placed; none for what the round's limit left over. */
  readonly reasons: readonly Reason[];
}

/** A node during the round. */
interface Slot {
  readonly node: NodeView;
  freeCores: number;
  freeMemoryMB: number;
  freeDiskMB: number;
  /** Leases that may still wait on it, by their size. */
  readonly ahead: Map<string, number>;
  /** Whether more may go there while another node would do. */
  isOpen: boolean;
  /** Of whom nothing more may. */
  readonly closedFor: Set<string>;
}

/** A class during the round. */
interface Group {
  readonly of: WaitingClass;
  readonly ceilings: readonly Ceiling[];
  /** Nodes that may still take an instance, shrinking as the round goes on. */
  candidates: Slot[] | undefined;
  /** Whether some of them, however busy, is none to be avoided. */
  hasTrusted: boolean;
  /** Index of the entry in turn, its instances still to be taken, and the one to place next (undefined when none waits any more). */
  next: number;
  instances: Iterator<number>;
  instance: number | undefined;
}

const PLANS: readonly SchedulingPlan[] = ['reserved', 'onDemand', 'flex'];

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** @returns none for a class in which nothing waits */
const groupOf = (of: WaitingClass, ceilings: readonly Ceiling[]): readonly Group[] => {
  const [first] = of.entries;
  if (!first) return [];
  const instances = iterate(first.waiting);
  const group: Group = {
    of,
    ceilings,
    candidates: undefined,
    hasTrusted: false,
    next: 0,
    instances,
    instance: undefined,
  };
  advance(group);
  return group.instance === undefined ? [] : [group];
};

/** Moves on to the next waiting instance, entry by entry. */
const advance = (group: Group): void => {
  for (;;) {
    const { done, value } = group.instances.next();
    if (done !== true) {
      group.instance = value;
      return;
    }
    const following = group.of.entries[group.next + 1];
    group.instance = undefined;
    if (!following) return;
    group.next += 1;
    group.instances = iterate(following.waiting);
  }
};

const hasDisk = ({ freeDiskMB }: Slot, { diskMB = 0 }: ResourceRequest): boolean =>
  diskMB === 0 || freeDiskMB >= diskMB;

const fits = (slot: Slot, request: ResourceRequest): boolean =>
  slot.freeCores >= request.cores && slot.freeMemoryMB >= request.memoryMB && hasDisk(slot, request);

/** Whether nothing speaks against giving an instance of a class to a node. */
const isTrusted = ({ isOpen, closedFor, node }: Slot, { owner, avoids }: WaitingClass): boolean =>
  isOpen && !closedFor.has(owner) && avoids?.has(node.id) !== true;

/** Whether a node that is idle would have room for an instance. */
const isLarge = (
  { hardware }: { readonly hardware: NodeHardware },
  { request }: Pick<WaitingClass, 'request'>,
): boolean =>
  hardware.cores >= request.cores &&
  hardware.memoryMB >= request.memoryMB &&
  (hardware.diskMB ?? 0) >= (request.diskMB ?? 0);

/** Nodes that a class may run on: those to be avoided only where, by their sizes, no other would do. */
const candidatesOf = (group: Group, slots: readonly Slot[]): Slot[] => {
  const { of } = group;
  const suiting = slots.filter(({ node }) => mayRunOn(node.hardware, of));
  group.hasTrusted = suiting.some((slot) => isTrusted(slot, of) && isLarge(slot.node, of));
  return !group.hasTrusted && of.pause ? [] : suiting;
};

/** The fitting node with least left over: cores first, then memory, then the name, so that equal rounds give equal plans. */
const tightestFit = (group: Group, slots: readonly Slot[]): Slot | undefined => {
  const candidates = group.candidates ?? candidatesOf(group, slots);
  // What does not fit now will not fit later in the round: room only shrinks.
  group.candidates = candidates.filter(
    (slot) => fits(slot, group.of.request) && (!group.hasTrusted || isTrusted(slot, group.of)),
  );
  let best: Slot | undefined;
  for (const slot of group.candidates) {
    const isTighter =
      !best ||
      slot.freeCores < best.freeCores ||
      (slot.freeCores === best.freeCores && slot.freeMemoryMB < best.freeMemoryMB);
    if (isTighter) best = slot;
  }
  return best;
};

const sizeKey = ({ cores, memoryMB }: ResourceRequest): string => `${cores} ${memoryMB}`;

/** Where an instance that finds no room is to wait: the node that may take most more of its size, the first by name among equals. */
const shortestWait = ({ of }: Group, slots: readonly Slot[]): Slot | undefined => {
  const key = sizeKey(of.request);
  let best: Slot | undefined;
  for (const slot of slots) {
    const left = slot.ahead.get(key) ?? 0;
    const isLonger = left > 0 && left > (best?.ahead.get(key) ?? 0);
    if (isLonger && isTrusted(slot, of) && hasDisk(slot, of.request) && mayRunOn(slot.node.hardware, of)) best = slot;
  }
  return best;
};

const whyNot = (
  cluster: readonly NodeView[],
  closed: readonly ClosedNode[],
  { request, constraints, needs }: WaitingClass,
): Omit<Reason, 'classKey'> => {
  const { cores, memoryMB, diskMB = 0 } = request;
  const coresText = cores === 1 ? '1 core' : `${cores} cores`;
  const wanted =
    diskMB === 0
      ? `${coresText} and ${memoryMB} MB of memory`
      : `${coresText}, ${memoryMB} MB of memory and ${diskMB} MB of disk for its files`;
  const isAllowedAndLarge = (node: { readonly hardware: NodeHardware }): boolean =>
    satisfies(node.hardware, constraints) && isLarge(node, { request });
  const suits = (node: { readonly hardware: NodeHardware }): boolean =>
    isAllowedAndLarge(node) && provides(node.hardware, needs);
  if (cluster.some(suits)) return { reason: 'fleet-full', detail: `no node that fits has ${wanted} free` };
  const draining = closed.filter(({ status }) => status === 'draining');
  const full = closed.filter(({ status }) => status === 'disk-full');
  const away = closed.filter(({ status }) => status === 'lost');
  const who = cluster.length > 0 ? 'every node that fits' : 'every node that is online';
  // Before those that drain: somebody wanted that, and nobody this.
  if (full.some(suits)) {
    const rest = draining.some(suits) ? 'drains, or has' : 'has';
    return {
      reason: 'disks-full',
      detail: `${who} ${rest} no room on its disk, or has had some for less than a minute`,
    };
  }
  if (draining.some(suits)) {
    return { reason: 'nodes-drain', detail: `${who} drains and takes no new work` };
  }
  if (cluster.length + draining.length + full.length === 0) {
    if (away.length > 0) return { reason: 'no-node', detail: 'no node is online' };
    return { reason: 'no-node', detail: closed.length > 0 ? 'every node was retired' : 'no node has joined yet' };
  }
  if (away.some(suits)) return { reason: 'nodes-away', detail: 'no node that fits is online' };
  const known = [...cluster, ...draining, ...full, ...away];
  const large = known.filter(isAllowedAndLarge).map(({ hardware }) => hardware);
  if (large.length > 0) {
    return {
      reason: 'no-node-fits',
      detail: `no node that fits ${whatIsMissing(large, needs)}; warnings of the nodes say why`,
    };
  }
  const isAllowed = known.some(({ hardware }) => satisfies(hardware, constraints));
  return {
    reason: 'no-node-fits',
    detail: isAllowed ? `no node that meets the constraints has ${wanted}` : 'no node meets the hardware constraints',
  };
};

const FAILING: Omit<Reason, 'classKey'> = {
  reason: 'nodes-failing',
  detail:
    'each node that fits and has room failed by its own fault a moment ago: another one, or a while, is waited for',
};

const REGISTRY_FAILING: Omit<Reason, 'classKey'> = {
  reason: 'nodes-failing',
  detail:
    'the registry of its image was away, or had enough of requests, a moment ago: it is asked again after a while',
};

const exceeds = (
  used: OwnerUsage,
  { cores }: ResourceRequest,
  { maxInstances, maxCores }: { readonly maxInstances: number; readonly maxCores: number },
): boolean => used.instances + 1 > maxInstances || used.cores + cores > maxCores;

const plusOne = ({ instances, cores }: OwnerUsage, more: number): OwnerUsage => ({
  instances: instances + 1,
  cores: cores + more,
});

/** The classes of one owner and plan that still want room, the one with the oldest task last. */
interface Turn {
  readonly owner: string;
  readonly open: Group[];
}

/**
 * One scheduling round. Pure: the same arguments give the same plan. Plans go by priority (reserved, on demand, flex); within a
 * plan the owner with the fewest running cores is served next, each owner's tasks in the order of their submission; an instance
 * goes where it leaves least room, and where attempts failed by the platform's fault only if no other node would do. Where there is none, it may wait on a node that is quick to end what is of its size (`NodeView.ahead`). A class
 * that finds neither is set aside for the round, smaller ones behind it still run. Costs placements x candidate nodes, plus classes; not waiting instances.
 * @param cluster nodes that accept work, in any order
 * @param classes tasks with waiting instances, in any order
 */
export const plan = (
  cluster: readonly NodeView[],
  classes: readonly WaitingClass[],
  policy: SchedulingPolicy,
): Plan => {
  const slots = cluster
    .toSorted((a, b) => byText(a.id, b.id))
    .map((node): Slot => ({
      node,
      freeCores: node.freeCores,
      freeMemoryMB: node.freeMemoryMB,
      freeDiskMB: node.freeDiskMB ?? 0,
      ahead: new Map(node.ahead?.map((size) => [sizeKey(size), size.leases])),
      isOpen: node.heldBack !== 'closed',
      closedFor: new Set([...(node.heldBackFor ?? [])].flatMap(([owner, held]) => (held === 'closed' ? [owner] : []))),
    }));
  const quick = slots.filter(({ ahead }) => ahead.size > 0);
  const usage = new Map(policy.ownerUsage);
  const placements: Placement[] = [];
  const reasons: Reason[] = [];
  const usageOf = (owner: string): OwnerUsage => usage.get(owner) ?? { instances: 0, cores: 0 };

  const underCeilings = new Map(policy.ceilingUsage);
  const usageUnder = ({ key }: Ceiling): OwnerUsage => underCeilings.get(key) ?? { instances: 0, cores: 0 };

  /** Who runs as much as it may, if one more instance of the class is too much. */
  const whoIsFull = ({ of: { owner, request }, ceilings }: Group): string | undefined => {
    const limits = policy.ownerLimits?.get(owner);
    if (limits && exceeds(usageOf(owner), request, limits)) return 'the account';
    return ceilings.find((ceiling) => exceeds(usageUnder(ceiling), request, ceiling))?.of;
  };

  const place = (group: Group, slot: Slot, taskId: string, instance: number): void => {
    const { owner, request } = group.of;
    const { cores, memoryMB, diskMB = 0 } = request;
    slot.freeCores -= cores;
    slot.freeMemoryMB -= memoryMB;
    slot.freeDiskMB -= diskMB;
    if (slot.node.heldBack) slot.isOpen = false;
    if (slot.node.heldBackFor?.has(owner) === true) slot.closedFor.add(owner);
    usage.set(owner, plusOne(usageOf(owner), cores));
    for (const ceiling of group.ceilings) underCeilings.set(ceiling.key, plusOne(usageUnder(ceiling), cores));
    placements.push({ taskId, instance, node: slot.node.id, nodeEpoch: slot.node.epoch });
  };

  /** Places one instance of the class. @returns false when the class is done with for this round */
  const serve = (group: Group): boolean => {
    const { of, next, instance } = group;
    const entry = of.entries[next];
    if (!entry || instance === undefined) return false;
    const full = whoIsFull(group);
    if (full !== undefined) {
      reasons.push({ classKey: of.key, reason: 'quota', detail: `${full} runs as much as it may at once` });
      return false;
    }
    if (of.pause === 'everywhere') {
      reasons.push({ classKey: of.key, ...REGISTRY_FAILING });
      return false;
    }
    const free = tightestFit(group, slots);
    const slot = free ?? shortestWait(group, quick);
    if (!slot) {
      // It was not for want of room.
      const isAvoided = slots.some((each) => mayRunOn(each.node.hardware, of) && fits(each, of.request));
      const why = isAvoided ? FAILING : whyNot(cluster, policy.closedNodes ?? [], of);
      reasons.push({ classKey: of.key, ...why });
      return false;
    }
    place(group, slot, entry.taskId, instance);
    // Whatever its size, it takes a place in the one line of that node.
    if (!free) for (const [key, left] of slot.ahead) slot.ahead.set(key, left - 1);
    advance(group);
    return group.instance !== undefined;
  };

  const held = new Set<WaitingClass>();
  for (const one of classes) {
    const hold = policy.holdOf?.(one.owner, one.project);
    if (!hold || one.entries.length === 0) continue;
    held.add(one);
    reasons.push({ classKey: one.key, ...whyHeld(hold) });
  }

  for (const tier of PLANS) {
    const ofTier = classes.filter((one) => one.plan === tier && !held.has(one));
    const turns = turnsOf(ofTier.flatMap((one) => groupOf(one, policy.ceilingsOf?.(one.owner, tier) ?? [])));
    while (turns.length > 0 && placements.length < policy.maxPlacements) {
      const turn = fairest(turns, usageOf);
      const group = turn.open.at(-1);
      if (group && serve(group)) keepInOrder(turn.open);
      else turn.open.pop();
      if (turn.open.length === 0) turns.splice(turns.indexOf(turn), 1);
    }
  }
  return { placements, reasons };
};

const turnsOf = (groups: readonly Group[]): Turn[] => {
  const turns = new Map<string, Turn>();
  for (const group of groups) {
    const { owner } = group.of;
    const turn = turns.get(owner);
    if (turn) turn.open.push(group);
    else turns.set(owner, { owner, open: [group] });
  }
  for (const { open } of turns.values()) open.sort((a, b) => orderOf(b) - orderOf(a));
  return [...turns.values()].sort((a, b) => byText(a.owner, b.owner));
};

/** The owner with the fewest running cores, then instances, then by name. */
const fairest = (turns: readonly Turn[], usageOf: (owner: string) => OwnerUsage): Turn =>
  turns.reduce((best, turn) => {
    const used = usageOf(turn.owner);
    const least = usageOf(best.owner);
    return used.cores < least.cores || (used.cores === least.cores && used.instances < least.instances) ? turn : best;
  });

const orderOf = (group: Group): number => group.of.entries[group.next]?.order ?? Number.POSITIVE_INFINITY;

/** The last class may have moved on to a younger task: lets those with older ones pass it. */
const keepInOrder = (open: Group[]): void => {
  for (let i = open.length - 1; i > 0; i -= 1) {
    const [older, younger] = [open[i - 1], open[i]];
    if (!older || !younger || orderOf(older) >= orderOf(younger)) return;
    open[i - 1] = younger;
    open[i] = older;
  }
};
