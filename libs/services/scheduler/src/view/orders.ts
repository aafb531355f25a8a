import { createHash } from 'node:crypto';
import type { CancelOrder, DispatchOrder, LeaseOrder, ResourcesOrder, TellOrder } from '@fornax/contracts';
import {
  clusterPortsOf,
  effectiveConstants,
  folderOf,
  has,
  iterate,
  profileOf,
  sizeOf,
  waysInOf,
  type DispatchedLease,
  type EffectiveConstant,
  type PoolState,
  type Ranges,
  type TaskSpec,
} from '@fornax/domain';
import type { TrackedLease } from './lease-book.js';
import type { Changes } from './changes.js';
import type { SchedulerView } from './scheduler-view.js';
import type { TaskEntry } from './task-entry.js';

/** An order and the node that it goes to. */
export interface AddressedOrder {
  readonly node: string;
  readonly order: DispatchOrder;
}

/** Nothing is run in a slot that needs no preparation; its profile needs a command all the same. */
const NO_COMMAND = 'true';

/** What a slot runs is its preparation, in the place of the command that tasks of the pool have. */
const constantsOfSlot = (
  spec: TaskSpec,
  { spec: { preparation } }: PoolState,
  command: string | undefined,
): readonly EffectiveConstant[] => {
  const others = effectiveConstants(spec).filter(({ key }) => key !== command);
  return command === undefined
    ? others
    : [...others, { key: command, value: preparation ?? NO_COMMAND, isExported: true }];
};

/** What an instance runs and with which constants; a sealed constant goes by its name only, as one of a table does. */
const workOf = (
  spec: TaskSpec,
  pool?: PoolState,
): Pick<LeaseOrder, 'profile' | 'run' | 'network' | 'constants' | 'secretKeys'> => {
  const { run, network } = profileOf(spec) ?? {};
  const constants = pool ? constantsOfSlot(spec, pool, run?.constant) : effectiveConstants(spec);
  return {
    profile: spec.profile,
    ...(run === undefined ? {} : { run: { ...run, progress: [...run.progress] } }),
    ...(network === undefined ? {} : { network }),
    constants: constants.flatMap((constant) =>
      'value' in constant
        ? [{ key: constant.key, value: constant.value, ...(constant.isExported ? {} : { isExported: false }) }]
        : [],
    ),
    // What only a grant tells: an agent that asks for none would run without it.
    secretKeys: [
      ...constants.flatMap((constant) => ('sealed' in constant ? [constant.key] : [])),
      ...(spec.table?.columns ?? []),
      ...(spec.secretRights === undefined ? [] : ['QARNOT_SECRETS_DIR']),
    ],
  };
};

/** Who the instances of a task are to each other, where its profile says that they are anything. */
const clusterOf = (spec: TaskSpec, all: Ranges): Pick<LeaseOrder, 'cluster'> => {
  const ports = clusterPortsOf(spec);
  return ports === undefined ? {} : { cluster: { ports: [...ports], instances: [...iterate(all)] } };
};

/** The orders of leases of one task. The traceparent is the one to continue, else that of the task's submission. */
export const leaseOrders = (
  entry: TaskEntry,
  leases: readonly DispatchedLease[],
  traceparent = entry.context.traceparent,
): readonly AddressedOrder[] => {
  const { state, pool } = entry;
  const { spec, owner, all } = state;
  const shared: Omit<LeaseOrder, 'leaseId' | 'nodeEpoch' | 'instance' | 'attempt' | 'inSlot'> = {
    kind: 'lease',
    taskId: entry.taskId,
    owner,
    instanceCount: pool ? Math.max(1, sizeOf(all)) : sizeOf(all),
    ...workOf(spec, pool),
    resources: spec.resources.map((resource) => ({ ...resource })),
    results:
      spec.resultBucket === null
        ? null
        : {
            bucket: spec.resultBucket,
            prefix: folderOf(spec.resultsPrefix),
            whitelist: spec.resultsWhitelist,
            blacklist: spec.resultsBlacklist,
          },
    uploadResultsOnCancellation: spec.uploadResultsOnCancellation,
    ...(spec.resumeFromSnapshot === undefined ? {} : { resumes: true as const }),
    ...(spec.redactOutput === undefined ? {} : { redactOutput: spec.redactOutput }),
    cores: spec.request.cores,
    memoryMB: spec.request.memoryMB,
    ...(spec.request.diskMB === undefined ? {} : { diskMB: spec.request.diskMB }),
    ...(spec.secretRights === undefined ? {} : { secrets: true as const }),
    ...(!pool && waysInOf(spec).length > 0 ? { ways: true as const } : {}),
    ...(pool ? {} : clusterOf(spec, all)),
    ...(pool ? { slot: { prepares: pool.spec.preparation !== null, instances: pool.spec.slotsPerNode } } : {}),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return leases.map(({ leaseId, nodeEpoch, instance, attempt, node, inSlot }) => ({
    node,
    order: { ...shared, leaseId, nodeEpoch, instance, attempt, ...(inSlot === undefined ? {} : { inSlot }) },
  }));
};

/** One cancel order for each lease in flight, or for those of some instances. */
export const cancelOrders = (entry: TaskEntry, among?: Ranges): readonly AddressedOrder[] =>
  [...entry.state.inFlight].flatMap(([instance, { leaseId, node }]) => {
    if (among && !has(among, instance)) return [];
    const order: CancelOrder = { kind: 'cancel', leaseId, taskId: entry.taskId };
    return [{ node, order }];
  });

/** Returns an order for every lease whose command may still read its resources. A lease that began after the request has them already; the order does no harm. */
const resourcesOrders = (entry: TaskEntry): readonly AddressedOrder[] =>
  [...entry.state.inFlight.values()]
    .filter(({ phase }) => phase !== 'uploading')
    .map(({ leaseId, node }) => {
      const update = entry.state.resourceUpdates;
      const order: ResourcesOrder = { kind: 'resources', leaseId, taskId: entry.taskId, update };
      return { node, order };
    });

/** Asks nodes what became of leases. @param asked a number that no other question has */
export const tellOrders = (leases: readonly TrackedLease[], asked: number): readonly AddressedOrder[] =>
  leases.map(({ leaseId, taskId, instance, node, nodeEpoch }) => {
    const order: TellOrder = { kind: 'tell', leaseId, taskId, instance, nodeEpoch, asked };
    return { node, order };
  });

/** Tells nodes to end leases that do not move on. */
export const stuckOrders = (leases: readonly TrackedLease[]): readonly AddressedOrder[] =>
  leases.map(({ leaseId, taskId, node }) => ({ node, order: { kind: 'cancel', leaseId, taskId, because: 'stuck' } }));

/** Tells a node to kill what it does not hold; of which task that is, nobody knows any more. */
export const strayOrders = (node: string, leaseIds: readonly string[]): readonly AddressedOrder[] =>
  leaseIds.map((leaseId) => ({ node, order: { kind: 'cancel', leaseId, taskId: '', because: 'not-held' } }));

/** Orders that follow from what a fold changed. */
export const ordersAfter = (changes: Changes, traceparent?: string): readonly AddressedOrder[] => [
  ...changes.dispatched.flatMap(({ entry, leases }) => leaseOrders(entry, leases, traceparent)),
  ...changes.cancelled.flatMap((entry) => cancelOrders(entry)),
  ...changes.closed.flatMap(({ entry, slots }) => cancelOrders(entry, slots)),
  ...changes.refreshed.flatMap(resourcesOrders),
];

/**
 * What a new leader sends again, because its predecessor may have died between an append and its publish: lease orders of instances whose
 * start was never reported, cancels of what still runs although it was asked to stop, requests for new resources. Agents drop what they have.
 */
export const ordersToRepeat = (view: SchedulerView): readonly AddressedOrder[] => {
  const orders: AddressedOrder[] = [];
  for (const entry of view.allTasks()) {
    const unconfirmed: DispatchedLease[] = [];
    for (const [instance, { phase, ...lease }] of entry.state.inFlight) {
      const { node, nodeEpoch } = lease;
      if (phase !== 'dispatched' || view.node(node)?.state.epoch !== nodeEpoch) continue;
      unconfirmed.push({ instance, ...lease });
    }
    if (unconfirmed.length > 0) orders.push(...leaseOrders(entry, unconfirmed));
    if (entry.state.resourceUpdates > 0) orders.push(...resourcesOrders(entry));
    if (entry.state.cancelRequested || entry.state.deleteRequested) orders.push(...cancelOrders(entry));
    else if (entry.pool) orders.push(...cancelOrders(entry, entry.pool.closing));
  }
  return orders;
};

/** A message to a node, ready to be published. Orders about the same leases give the same id, so a repeat is dropped by the stream. */
export interface DispatchMessage {
  readonly data: Uint8Array;
  readonly msgId: string;
}

/** Far below the NATS limit of 1 MB, so that an order with large constants still fits on top. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** Leases of one task on their way into a message: they have one list of constants between them. */
interface LeaseGroup {
  readonly constants: LeaseOrder['constants'];
  readonly traceparent: string | undefined;
  readonly shared: string;
  readonly leases: string[];
}

const ownText = ({ leaseId, nodeEpoch, instance, attempt, inSlot }: LeaseOrder): string =>
  JSON.stringify({ leaseId, nodeEpoch, instance, attempt, inSlot });

const groupFor = (order: LeaseOrder): LeaseGroup => {
  const { kind: _kind, leaseId: _id, nodeEpoch: _epoch, instance: _instance, ...rest } = order;
  const { attempt: _attempt, inSlot: _slot, ...shared } = rest;
  const { constants, traceparent } = order;
  return { constants, traceparent, shared: JSON.stringify(shared), leases: [] };
};

const textOf = (part: string | LeaseGroup): string =>
  typeof part === 'string' ? part : `{"kind":"leases","shared":${part.shared},"leases":[${part.leases.join(',')}]}`;

/** What tells an order from others of its kind about the same lease; none of one that a repeat adds nothing to. */
const distinction = (order: DispatchOrder): string => {
  if (order.kind === 'resources') return ` ${order.update}`;
  if (order.kind === 'tell') return ` ${order.asked}`;
  return order.kind === 'cancel' && order.because ? ` ${order.because}` : '';
};

/** Packs orders for one node, in their order, into as few messages as possible. */
export const packOrders = (
  orders: readonly DispatchOrder[],
  maxBytes = MAX_MESSAGE_BYTES,
): readonly DispatchMessage[] => {
  const messages: DispatchMessage[] = [];
  let parts: (string | LeaseGroup)[] = [];
  let subjects: string[] = [];
  let length = 0;
  const close = (): void => {
    if (parts.length === 0) return;
    // Not of the whole text: a repeat by another leader may carry another trace.
    const msgId = createHash('sha256').update(subjects.join('\n')).digest('base64url');
    messages.push({ data: Buffer.from(`[${parts.map(textOf).join(',')}]`, 'utf8'), msgId });
    parts = [];
    subjects = [];
    length = 0;
  };
  /** @returns the group that the order may join; none after another kind of order, which must not be overtaken */
  const openGroup = ({ constants, traceparent }: LeaseOrder): LeaseGroup | undefined => {
    const last = parts.at(-1);
    return typeof last === 'object' && last.constants === constants && last.traceparent === traceparent
      ? last
      : undefined;
  };
  for (const order of orders) {
    const text = order.kind === 'lease' ? ownText(order) : JSON.stringify(order);
    const fresh = order.kind === 'lease' && !openGroup(order) ? groupFor(order) : undefined;
    const size = text.length + (fresh?.shared.length ?? 0);
    if (length > 0 && length + size > maxBytes) close();
    if (order.kind === 'lease') {
      let group = openGroup(order);
      if (!group) parts.push((group = fresh ?? groupFor(order)));
      group.leases.push(text);
    } else parts.push(text);
    subjects.push(`${order.kind} ${order.leaseId}${distinction(order)}`);
    length += size + 1;
  }
  close();
  return messages;
};
