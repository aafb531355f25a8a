import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';
import { difference, formatRanges, fromNumbers, has, sizeOf, union } from '../shared/ranges.js';
import type { InstantMs } from '../shared/time.js';
import { constantsChanged, holdsAll } from '../task/kept-constants.js';
import type { AttemptEnd, InstanceError, TaskEvent } from '../task/task.events.js';
import { taskDecider } from '../task/task.decider.js';
import type { PoolCommand, SlotCommand } from './pool.commands.js';
import type { PoolEvent } from './pool.events.js';
import { evolvePool, initialPoolState, isPoolEnding, openSlotsOf, type PoolState } from './pool.state.js';

type PoolDecision = Decision<PoolEvent>;

/** Tries in a row to prepare slots that may fail before the pool does. */
export const MAX_FAILED_PREPARATIONS = 5;

const isGone = (state: PoolState): boolean => !state.exists || state.deleted;
const notFound = ({ poolId }: PoolState): PoolDecision =>
  reject('not-found', 'pool-not-found', `No such pool: ${poolId}`);
const notRunning = ({ poolId }: PoolState): PoolDecision =>
  reject('forbidden', 'pool-not-running', `Pool ${poolId} is not running`);

/** What of these events is said of slots. How an attempt ended is said alike whether its number is opened again: the pool's size decides that. */
const slotEvents = (
  events: readonly TaskEvent[],
  refreshed: readonly PoolEvent[],
  at: InstantMs,
): readonly PoolEvent[] => {
  const attempts: AttemptEnd[] = [];
  const said: PoolEvent[] = [];
  for (const event of events) {
    if (event.type === 'InstancesDispatched') said.push({ ...event, type: 'SlotsDispatched' });
    else if (event.type === 'InstancesStarted') said.push({ ...event, type: 'SlotsReady' });
    else if (event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued')
      attempts.push(...event.attempts);
  }
  said.push(...refreshed);
  return attempts.length === 0 ? said : [...said, { type: 'SlotsEnded', attempts, at }];
};

/** Slots that have the newest resources now. What a lease reports that is not current, or of an earlier request, changes nothing. */
const refreshedBy = (state: PoolState, command: SlotCommand): readonly PoolEvent[] => {
  if (command.type !== 'RecordReports') return [];
  const { inFlight, resourceUpdates } = state.slots;
  const leases = command.reports.flatMap((report) => {
    if (report.kind !== 'refreshed' || report.update < resourceUpdates) return [];
    const { instance, leaseId, update } = report;
    const isCurrent = inFlight.get(instance)?.leaseId === leaseId && has(state.outdated, instance);
    return isCurrent ? [{ instance, leaseId, update }] : [];
  });
  const failures = refreshFailuresBy(state, command);
  return [
    ...(leases.length === 0 ? [] : [{ type: 'SlotsRefreshed', leases, at: command.at } as const]),
    ...(failures.length === 0 ? [] : [{ type: 'SlotsRefreshFailed', leases: failures, at: command.at } as const]),
  ];
};

/** What fails again for the same reason is no news, unless it was the last try. Of several reports on one slot the last one counts. */
const refreshFailuresBy = (
  state: PoolState,
  { reports }: Extract<SlotCommand, { type: 'RecordReports' }>,
): Extract<PoolEvent, { type: 'SlotsRefreshFailed' }>['leases'] => {
  const { inFlight, resourceUpdates } = state.slots;
  const last = new Map<number, (typeof reports)[number]>();
  for (const report of reports)
    if (report.kind === 'refresh-failed' || report.kind === 'refreshed') last.set(report.instance, report);
  return [...last.values()].flatMap((report) => {
    if (report.kind !== 'refresh-failed' || report.update < resourceUpdates) return [];
    const { instance, leaseId, update, error, isFinal } = report;
    if (inFlight.get(instance)?.leaseId !== leaseId || !has(state.outdated, instance)) return [];
    const known = state.refreshFailures.find((failure) => failure.instance === instance);
    const isNews =
      known?.error.code !== error.code || known.error.message !== error.message || known.isFinal !== isFinal;
    return isNews ? [{ instance, leaseId, update, error, isFinal }] : [];
  });
};

/** What the end of slots brings with it: a pool that was to end has ended, and one whose slots cannot be prepared gives up. */
const ending = (before: PoolState, events: readonly PoolEvent[], at: InstantMs): readonly PoolEvent[] => {
  const state = events.reduce(evolvePool, before);
  if (state.deleted || state.slots.inFlight.size > 0) return [];
  if (state.deleteRequested) return [{ type: 'PoolDeleted', at }];
  if (state.failed !== null) return [];
  return state.closeRequested && !state.closed ? [{ type: 'PoolClosed', at }] : [];
};

const givingUp = (before: PoolState, events: readonly PoolEvent[], at: InstantMs): readonly PoolEvent[] => {
  const state = events.reduce(evolvePool, before);
  if (isPoolEnding(state) || state.failures < MAX_FAILED_PREPARATIONS) return [];
  const error = preparationProblemOf(state);
  return error ? [{ type: 'PoolFailed', error, at }] : [];
};

/** Why its slots could not be prepared lately; undefined: the last one could, or none was tried. */
export const preparationProblemOf = ({ failures, lastError }: PoolState): InstanceError | undefined => {
  if (failures === 0 || !lastError) return undefined;
  const times =
    failures === 1 ? 'A slot could not be prepared' : `Slots could not be prepared ${failures} times in a row`;
  return { ...lastError, message: `${times}: ${lastError.message}` };
};

const decideSlots = (state: PoolState, command: SlotCommand): PoolDecision => {
  const { at } = command;
  if (command.type === 'RecordWaitingReason') return accept();
  // A slot that was asked for before the pool began to end is not opened.
  if (command.type === 'DispatchInstances' && isPoolEnding(state)) return accept();
  const decision = taskDecider.decide(state.slots, command);
  if ('rejection' in decision) return decision;
  if (command.type === 'ExpireWaiting')
    return decision.events.length === 0 || isPoolEnding(state)
      ? accept()
      : accept<PoolEvent>({
          type: 'PoolFailed',
          error: { code: 'FX-QUEUE-LIMIT', message: 'No slot was opened within maxTimeQueueSeconds', debug: '' },
          at,
        });
  const events = slotEvents(decision.events, refreshedBy(state, command), at);
  if (events.length === 0) return accept();
  const failure = givingUp(state, events, at);
  return accept<PoolEvent>(...events, ...failure, ...ending(state, [...events, ...failure], at));
};

const resizePool = (state: PoolState, command: Extract<PoolCommand, { type: 'ResizePool' }>): PoolDecision => {
  const { at, policyName } = command;
  if (isGone(state)) return accept();
  const taken = union(state.slots.waiting, fromNumbers(state.slots.inFlight.keys()));
  const opened = isPoolEnding(state) ? fromNumbers([]) : difference(command.open, taken);
  const open = union(state.slots.waiting, openSlotsOf(state));
  const closed = difference(command.close, difference(command.close, open));
  const isChange = sizeOf(opened) + sizeOf(closed) > 0 || policyName !== state.policyName || !state.isSized;
  const events: readonly PoolEvent[] = isChange
    ? [{ type: 'PoolResized', opened: formatRanges(opened), closed: formatRanges(closed), policyName, at }]
    : [];
  return accept<PoolEvent>(...events, ...ending(state, events, at));
};

const updatePool = (state: PoolState, command: Extract<PoolCommand, { type: 'UpdatePool' }>): PoolDecision => {
  if (isGone(state)) return notFound(state);
  const { type: _type, at, keeps, ...change } = command;
  if (!holdsAll(state.spec.constants, keeps)) return constantsChanged(state.poolId);
  return Object.keys(change).length === 0 ? accept() : accept<PoolEvent>({ type: 'PoolUpdated', ...change, at });
};

const decide = (state: PoolState, command: PoolCommand): PoolDecision => {
  switch (command.type) {
    case 'CreatePool': {
      const { poolId, owner, spec, at } = command;
      if (state.exists) return reject('conflict', 'pool-exists', `Pool ${poolId} was already created`);
      return accept<PoolEvent>({ type: 'PoolCreated', poolId, owner, spec, at });
    }
    case 'UpdatePool':
      return updatePool(state, command);
    case 'ChangeScaling': {
      const { size, scaling, elasticProperty, at } = command;
      if (isGone(state)) return notFound(state);
      if (isPoolEnding(state)) return notRunning(state);
      return accept<PoolEvent>({ type: 'PoolScalingChanged', size, scaling, elasticProperty, at });
    }
    case 'UpdatePoolResources':
      if (isGone(state)) return notFound(state);
      // A slot that is opened later has them anyway: whether one is open now is nothing that the asking need know.
      if (isPoolEnding(state)) return reject('invalid', 'pool-not-running', `Pool ${state.poolId} is not running`);
      return accept<PoolEvent>({ type: 'PoolResourcesUpdateRequested', at: command.at });
    case 'ClosePool':
      if (isGone(state)) return notFound(state);
      return isPoolEnding(state)
        ? notRunning(state)
        : accept<PoolEvent>({ type: 'PoolCloseRequested', at: command.at });
    case 'DeletePool': {
      if (isGone(state)) return notFound(state);
      if (state.deleteRequested) return accept();
      const asked: PoolEvent = { type: 'PoolDeleteRequested', at: command.at };
      return accept<PoolEvent>(asked, ...ending(state, [asked], command.at));
    }
    case 'ResizePool':
      return resizePool(state, command);
    case 'DispatchInstances':
    case 'RecordReports':
    case 'RevokeLeases':
    case 'ExpireWaiting':
    case 'RecordWaitingReason':
      return decideSlots(state, command);
    default:
      return assertNever(command);
  }
};

/**
 * The pool aggregate: who may ask what is said at {@link PoolCommand}. Rejections: `pool-exists`, `pool-not-found`, `pool-not-running`,
 * `wrong-attempt`. What nodes report never is rejected, at most ignored.
 */
export const poolDecider: Decider<PoolState, PoolCommand, PoolEvent> = {
  initial: initialPoolState,
  decide,
  evolve: evolvePool,
};
