import type { SnapshotCommand, SnapshotConfig, SnapshotEvent, SnapshotPart } from './snapshot.events.js';
import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';
import { emptyRanges, fromNumbers, has, sizeOf, union, type Ranges } from '../shared/ranges.js';

export type SnapshotStatus = 'triggered' | 'inProgress' | 'success' | 'failure' | 'pruning' | 'pruned';

export interface SnapshotState {
  readonly exists: boolean;
  readonly taskId: string;
  readonly owner: string;
  readonly config: SnapshotConfig;
  readonly status: SnapshotStatus;
  /** By lease id. */
  readonly parts: ReadonlyMap<string, SnapshotPart>;
  /** Numbers of the instances whose parts are uploaded, and what these hold together. */
  readonly uploaded: Ranges;
  readonly files: number;
  readonly bytes: number;
}

type SnapshotDecision = Decision<SnapshotEvent>;

/** Neither succeeded nor failed yet. */
export const isSnapshotOpen = ({ exists, status }: SnapshotState): boolean =>
  exists && (status === 'triggered' || status === 'inProgress');

/** The part is known and its outcome is still open. Anything else about it is late or doubled: ignored. */
const isAwaited = (state: SnapshotState, leaseId: string): boolean => {
  const part = state.parts.get(leaseId);
  return isSnapshotOpen(state) && part !== undefined && !has(state.uploaded, part.instance);
};

const recordUploaded = (
  state: SnapshotState,
  {
    leaseId,
    files,
    bytes,
    notes = [],
    manifest,
    sentBytes,
    at,
  }: Extract<SnapshotCommand, { type: 'RecordPartUploaded' }>,
): SnapshotDecision => {
  if (!isAwaited(state, leaseId)) return accept();
  const told = {
    ...(notes.length === 0 ? {} : { notes }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(sentBytes === undefined ? {} : { sentBytes }),
  };
  const part: SnapshotEvent = { type: 'SnapshotPartUploaded', leaseId, files, bytes, ...told, at };
  if (sizeOf(state.uploaded) + 1 < state.parts.size) return accept(part);
  return accept<SnapshotEvent>(part, {
    type: 'SnapshotCompleted',
    taskId: state.taskId,
    files: state.files + files,
    bytes: state.bytes + bytes,
    at,
  });
};

/** Once more is as good as once. */
const requestPrune = (
  { exists, status, taskId }: SnapshotState,
  { cause, at }: Extract<SnapshotCommand, { type: 'RequestPrune' }>,
): SnapshotDecision => {
  if (!exists) return reject('not-found', 'snapshot-not-found', 'there is no such snapshot');
  if (status === 'pruning' || status === 'pruned') return accept();
  if (status === 'success') return accept<SnapshotEvent>({ type: 'SnapshotPruneRequested', taskId, cause, at });
  const why = status === 'failure' ? 'it failed, and nothing of it is kept' : 'it is being taken';
  return reject('conflict', 'snapshot-not-complete', `Only a complete snapshot can be pruned: ${why}`);
};

const decide = (state: SnapshotState, command: SnapshotCommand): SnapshotDecision => {
  switch (command.type) {
    case 'TriggerSnapshot': {
      if (state.exists)
        return reject('conflict', 'snapshot-exists', `snapshot ${command.snapshotId} was already triggered`);
      if (command.parts.length === 0)
        return reject('invalid', 'task-not-running', 'no instance of the task is running');
      const { type: _type, ...facts } = command;
      return accept<SnapshotEvent>({ type: 'SnapshotTriggered', ...facts });
    }
    case 'RecordProgress': {
      if (!isAwaited(state, command.leaseId)) return accept();
      const { type: _type, ...facts } = command;
      return accept<SnapshotEvent>({ type: 'SnapshotProgressed', ...facts });
    }
    case 'RecordPartUploaded':
      return recordUploaded(state, command);
    case 'RecordPartFailed':
      if (!isAwaited(state, command.leaseId)) return accept();
      return accept<SnapshotEvent>({
        type: 'SnapshotFailed',
        taskId: state.taskId,
        reason: command.reason,
        at: command.at,
      });
    case 'RequestPrune':
      return requestPrune(state, command);
    case 'FinishPrune':
      return state.status === 'pruning'
        ? accept<SnapshotEvent>({ type: 'SnapshotPruned', taskId: state.taskId, at: command.at })
        : accept();
    default:
      return assertNever(command);
  }
};

const withUploaded = (
  state: SnapshotState,
  { leaseId, files, bytes }: Extract<SnapshotEvent, { type: 'SnapshotPartUploaded' }>,
): SnapshotState => {
  const part = state.parts.get(leaseId);
  const uploaded = part ? union(state.uploaded, fromNumbers([part.instance])) : state.uploaded;
  return { ...state, status: 'inProgress', uploaded, files: state.files + files, bytes: state.bytes + bytes };
};

const evolve = (state: SnapshotState, event: SnapshotEvent): SnapshotState => {
  switch (event.type) {
    case 'SnapshotTriggered':
      return {
        exists: true,
        taskId: event.taskId,
        owner: event.owner,
        config: event.config,
        status: 'triggered',
        parts: new Map(event.parts.map((part) => [part.leaseId, part])),
        uploaded: emptyRanges,
        files: 0,
        bytes: 0,
      };
    case 'SnapshotProgressed':
      return { ...state, status: 'inProgress' };
    case 'SnapshotPartUploaded':
      return withUploaded(state, event);
    case 'SnapshotCompleted':
      return { ...state, status: 'success' };
    case 'SnapshotFailed':
      return { ...state, status: 'failure' };
    case 'SnapshotPruneRequested':
      return { ...state, status: 'pruning' };
    case 'SnapshotPruned':
      return { ...state, status: 'pruned' };
    default:
      return assertNever(event);
  }
};

/** The snapshot aggregate; its states are listed at {@link SnapshotEvent}. Rejections: `snapshot-exists`, `task-not-running`, `snapshot-not-found`, `snapshot-not-complete`. */
export const snapshotDecider: Decider<SnapshotState, SnapshotCommand, SnapshotEvent> = {
  initial: {
    exists: false,
    taskId: '',
    owner: '',
    config: { whitelist: null, blacklist: null, bucket: '', prefix: null },
    status: 'triggered',
    parts: new Map(),
    uploaded: emptyRanges,
    files: 0,
    bytes: 0,
  },
  decide,
  evolve,
};
