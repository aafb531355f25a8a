import type { CredentialCommand, NodeCommand, NodeEvent, NodeHardware } from './node.events.js';
import { decideCredential, evolveAccess, isRevoked, revocation, type NodeAccess } from './node-access.js';
import type { InstantMs } from '../shared/time.js';
import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';

export type NodeStatus = 'unknown' | 'online' | 'draining' | 'lost' | 'retired';

export interface NodeState {
  readonly status: NodeStatus;
  readonly nodeId: string;
  /** Sessions so far; 0 before the first. */
  readonly epoch: number;
  readonly bootId: string;
  readonly hardware: NodeHardware;
  readonly driver: string;
  /** How many leases it keeps waiting beyond those that it has room for; absent: none, as of an earlier agent. */
  readonly leasesAhead?: number;
  /** An operator's wish, which outlives the node's sessions. */
  readonly isDrainRequested: boolean;
  /** Since when its disk has been full; absent while it has room, of an agent that does not say, and in older folds. */
  readonly diskFullSince?: InstantMs;
  /** The last sign of life of a session that was lost; absent of one that is there, where it is not known, and in older folds. */
  readonly heardAt?: InstantMs;
  /** Of a node that joined with a token; absent for one of the server's configuration, and in folds older than tokens. */
  readonly access?: NodeAccess;
}

const initial: NodeState = {
  status: 'unknown',
  nodeId: '',
  epoch: 0,
  bootId: '',
  hardware: { specificationKey: '', cpuModel: '', cores: 0, memoryMB: 0, ghz: 0, ssd: false, gpus: 0 },
  driver: '',
  isDrainRequested: false,
};

type NodeDecision = Decision<NodeEvent>;
type Join = Extract<NodeCommand, { type: 'JoinNode' }>;

/** Whether instances may be placed on the node. */
export const takesWork = ({ status, diskFullSince }: NodeState): boolean =>
  status === 'online' && diskFullSince === undefined;

const isPresent = ({ status }: NodeState): boolean => status === 'online' || status === 'draining';

/**
 * A new boot of a node that was never declared lost ends the old session in the same commit, so that its leases are revoked before
 * new ones are given. A drain that an operator asked for holds for the new session too.
 */
const join = (state: NodeState, command: Join): NodeDecision => {
  if (state.status === 'retired') return reject('conflict', 'node-retired', `node ${command.nodeId} was retired`);
  if (isRevoked(state)) return reject('conflict', 'node-revoked', `the credentials of ${command.nodeId} were revoked`);
  if (isPresent(state) && state.bootId === command.bootId) return accept();
  const { nodeId, bootId, hardware, driver, warnings, leasesAhead, at } = command;
  const ahead = leasesAhead === undefined ? {} : { leasesAhead };
  return accept<NodeEvent>(
    ...(isPresent(state) ? [{ type: 'NodeLost', nodeId, epoch: state.epoch, cause: 'rejoined', at } as const] : []),
    { type: 'NodeJoined', nodeId, epoch: state.epoch + 1, bootId, hardware, driver, warnings, ...ahead, at },
    ...(state.isDrainRequested ? [{ type: 'NodeDrained', nodeId, at } as const] : []),
  );
};

const CREDENTIAL_COMMANDS: ReadonlySet<string> = new Set<CredentialCommand['type']>([
  'EnrollNode',
  'RotateCredential',
  'ConfirmCredential',
  'RequestRotation',
  'RevokeCredentials',
]);
const isAboutCredentials = (command: NodeCommand): command is CredentialCommand =>
  CREDENTIAL_COMMANDS.has(command.type);

const decide = (state: NodeState, command: NodeCommand): NodeDecision => {
  const { at } = command;
  const { nodeId } = state;
  if (command.type === 'JoinNode') return join(state, command);
  if (command.type === 'LoseNode') {
    // A loss of an earlier session is old news.
    if (!isPresent(state) || state.epoch !== command.epoch) return accept();
    const { epoch, cause, silentMs } = command;
    const heard = silentMs === undefined ? {} : { heardAt: at - Math.max(0, Math.ceil(silentMs)) };
    return accept<NodeEvent>({ type: 'NodeLost', nodeId, epoch, cause, ...heard, at });
  }
  if (command.type === 'ReportDisk') {
    const { epoch, isFull } = command;
    const isNews = isPresent(state) && state.epoch === epoch && isFull !== (state.diskFullSince !== undefined);
    if (!isNews) return accept();
    return accept<NodeEvent>({ type: isFull ? 'NodeDiskFilled' : 'NodeDiskFreed', nodeId, epoch, at });
  }
  if (isAboutCredentials(command)) return decideCredential(state, command);
  if (state.status === 'unknown' && state.access === undefined)
    return reject('not-found', 'node-not-found', 'No such node');
  switch (command.type) {
    case 'DrainNode':
      if (state.status === 'retired') return reject('invalid', 'node-retired', `node ${nodeId} was retired`);
      return state.isDrainRequested ? accept() : accept<NodeEvent>({ type: 'NodeDrained', nodeId, at });
    case 'ResumeNode':
      if (state.status === 'retired') return reject('invalid', 'node-retired', `node ${nodeId} was retired`);
      return state.isDrainRequested ? accept<NodeEvent>({ type: 'NodeResumed', nodeId, at }) : accept();
    case 'RetireNode':
      if (state.status === 'retired') return accept();
      return accept<NodeEvent>(
        ...(isPresent(state) ? [{ type: 'NodeLost', nodeId, epoch: state.epoch, cause: 'left', at } as const] : []),
        ...revocation({ ...state, status: 'lost' }, at),
        { type: 'NodeRetired', nodeId, at },
      );
    default:
      return assertNever(command);
  }
};

const withRoom = ({ diskFullSince: _since, ...state }: NodeState): NodeState => state;
const withoutLoss = ({ heardAt: _heard, ...state }: NodeState): NodeState => state;
const withoutLine = ({ leasesAhead: _ahead, ...state }: NodeState): NodeState => state;

const evolve = (state: NodeState, event: NodeEvent): NodeState => {
  switch (event.type) {
    case 'NodeJoined': {
      const { nodeId, epoch, bootId, hardware, driver, leasesAhead } = event;
      const ahead = leasesAhead === undefined ? {} : { leasesAhead };
      // What the disk is like now is for the new session to say.
      return {
        ...withoutLoss(withoutLine(withRoom(state))),
        status: 'online',
        nodeId,
        epoch,
        bootId,
        hardware,
        driver,
        ...ahead,
      };
    }
    case 'NodeLost':
      return {
        ...withoutLoss(state),
        status: 'lost',
        ...(event.heardAt === undefined ? {} : { heardAt: event.heardAt }),
      };
    case 'NodeDrained':
      return { ...state, isDrainRequested: true, status: state.status === 'online' ? 'draining' : state.status };
    case 'NodeResumed':
      return { ...state, isDrainRequested: false, status: state.status === 'draining' ? 'online' : state.status };
    case 'NodeRetired':
      return { ...state, status: 'retired' };
    case 'NodeDiskFilled':
      return { ...state, diskFullSince: event.at };
    case 'NodeDiskFreed':
      return withRoom(state);
    case 'NodeCredentialIssued':
      return { ...state, nodeId: event.nodeId, access: evolveAccess(state.access, event) };
    case 'NodeCredentialRotated':
    case 'NodeRotationRequested':
    case 'NodeCredentialsRevoked':
      return { ...state, access: evolveAccess(state.access, event) };
    default:
      return assertNever(event);
  }
};

/**
 * The node aggregate; its states are listed at {@link NodeEvent}. Rejections: `node-not-found`, `node-retired`, `node-revoked`,
 * `node-name-taken`, `node-of-configuration`, `node-key-unknown`.
 */
export const nodeDecider: Decider<NodeState, NodeCommand, NodeEvent> = { initial, decide, evolve };
