import {
  accept,
  poolDecider,
  sizeOf,
  taskDecider,
  type Decision,
  type PoolCommand,
  type PoolEvent,
  type SlotCommand,
  type TaskCommand,
  type TaskEvent,
  type TaskState,
} from '@fornax/domain';
import type { TaskEntry } from '../view/task-entry.js';

/** What the scheduler asks of tasks, of pools, or of both. */
export type EntryCommand =
  | SlotCommand
  | Extract<TaskCommand, { readonly type: 'FailWaiting' | 'SettleDependencies' | 'SettleInstances' }>
  | Extract<PoolCommand, { readonly type: 'ResizePool' }>;
export type EntryEvent = TaskEvent | PoolEvent;

/** Decides a command by the decider of what it is for. What was meant for the other kind does nothing. */
export const decideEntry = (entry: TaskEntry, command: EntryCommand, now: number): Decision<EntryEvent> => {
  if (entry.pool) {
    switch (command.type) {
      case 'FailWaiting':
      case 'SettleDependencies':
      case 'SettleInstances':
        return accept();
      default:
        return poolDecider.decide(entry.pool, command);
    }
  }
  if (command.type === 'ResizePool') return accept();
  const decision = taskDecider.decide(entry.state, command);
  if ('rejection' in decision || decision.events.length === 0) return decision;
  return accept<EntryEvent>(...decision.events, ...endOfWait(entry.state, decision.events, now));
};

/** A dispatch that leaves nothing waiting also ends the reason why it waited: in the same commit, because it costs nothing there. */
const endOfWait = (state: TaskState, events: readonly TaskEvent[], at: number): readonly TaskEvent[] => {
  if (state.lastReason === null || !events.some(({ type }) => type === 'InstancesDispatched')) return [];
  const after = events.reduce(taskDecider.evolve, state);
  const decision =
    sizeOf(after.waiting) > 0
      ? { events: [] }
      : taskDecider.decide(after, { type: 'RecordWaitingReason', reason: null, detail: null, at });
  return 'events' in decision ? decision.events : [];
};
