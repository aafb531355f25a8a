import { accept, assertNever, reject, type Decision } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import type { NodeState } from './node.decider.js';
import type { CredentialCommand, NodeEvent } from './node.events.js';

/** The public half of a key that opens a connection. */
export interface NodeKey {
  readonly publicKey: string;
  readonly issuedAt: InstantMs;
}

/** Whether a node may connect; its states are listed at {@link NodeEvent}. */
export interface NodeAccess {
  /** None once revoked; two while the node changes from the first to the second. */
  readonly keys: readonly NodeKey[];
  /** Tokens that credentials were issued for: a join that comes again must not undo a revocation. */
  readonly tokens: readonly string[];
  readonly isRotationRequested: boolean;
}

type AccessEvent = Extract<
  NodeEvent,
  {
    type: 'NodeCredentialIssued' | 'NodeCredentialRotated' | 'NodeRotationRequested' | 'NodeCredentialsRevoked';
  }
>;

const noAccess: NodeAccess = { keys: [], tokens: [], isRotationRequested: false };

/** The node has a key that opens a connection. */
export const isEnrolled = ({ access }: NodeState): boolean => (access?.keys.length ?? 0) > 0;
/** It had one, and has none any more. */
export const isRevoked = ({ access }: NodeState): boolean => access?.keys.length === 0;

const isConnected = ({ status }: NodeState): boolean => status === 'online' || status === 'draining';

/** Its keys are void and its session is over, so its leases are taken back. Nothing for a node without keys. */
export const revocation = (state: NodeState, at: InstantMs): readonly NodeEvent[] => {
  if (!isEnrolled(state)) return [];
  const { nodeId, epoch } = state;
  return [
    { type: 'NodeCredentialsRevoked', nodeId, at },
    ...(isConnected(state) ? [{ type: 'NodeLost', nodeId, epoch, cause: 'revoked', at } as const] : []),
  ];
};

type Enroll = Extract<CredentialCommand, { type: 'EnrollNode' }>;

const enroll = (state: NodeState, command: Enroll): Decision<NodeEvent> => {
  const { nodeId, publicKey, tokenId, isNamedByToken, at } = command;
  if (state.status === 'retired') return reject('conflict', 'node-retired', `node ${nodeId} was retired`);
  if (state.access?.tokens.includes(tokenId) === true) {
    // The answer was lost and the node asks again; unless its key was taken back in the meantime.
    const isOpen = state.access.keys.some((key) => key.publicKey === publicKey);
    return isOpen ? accept() : reject('forbidden', 'node-revoked', `what this token gave to ${nodeId} was revoked`);
  }
  const isNew = state.status === 'unknown' && state.access === undefined;
  if (!isNew && !isNamedByToken) {
    return reject(
      'conflict',
      'node-name-taken',
      `there is a node ${nodeId}: choose another name, or get a token made for this one`,
    );
  }
  if (isConnected(state) && !isEnrolled(state)) {
    return reject(
      'conflict',
      'node-name-taken',
      `node ${nodeId} belongs to the configuration of the platform's server`,
    );
  }
  return accept<NodeEvent>(...revocation(state, at), { type: 'NodeCredentialIssued', nodeId, publicKey, tokenId, at });
};

export const decideCredential = (state: NodeState, command: CredentialCommand): Decision<NodeEvent> => {
  if (command.type === 'EnrollNode') return enroll(state, command);
  const { nodeId } = state;
  const { at } = command;
  if (state.status === 'unknown' && state.access === undefined)
    return reject('not-found', 'node-not-found', 'No such node');
  if (state.access === undefined) {
    return reject(
      'conflict',
      'node-of-configuration',
      `the credentials of ${nodeId} are in the configuration of the server`,
    );
  }
  const { keys, isRotationRequested } = state.access;
  if (command.type === 'RevokeCredentials') return accept(...revocation(state, at));
  if (keys.length === 0) return reject('conflict', 'node-revoked', `the credentials of ${nodeId} were revoked`);
  switch (command.type) {
    case 'RotateCredential': {
      const { publicKey } = command;
      if (keys.some((key) => key.publicKey === publicKey)) return accept();
      return accept<NodeEvent>({ type: 'NodeCredentialIssued', nodeId, publicKey, tokenId: null, at });
    }
    case 'ConfirmCredential': {
      const { publicKey } = command;
      if (!keys.some((key) => key.publicKey === publicKey))
        return reject('conflict', 'node-key-unknown', `this key does not open ${nodeId}`);
      const isNext = keys[0]?.publicKey !== publicKey;
      return isNext ? accept<NodeEvent>({ type: 'NodeCredentialRotated', nodeId, publicKey, at }) : accept();
    }
    case 'RequestRotation':
      return isRotationRequested ? accept() : accept<NodeEvent>({ type: 'NodeRotationRequested', nodeId, at });
    default:
      return assertNever(command);
  }
};

export const evolveAccess = (access: NodeAccess = noAccess, event: AccessEvent): NodeAccess => {
  switch (event.type) {
    case 'NodeCredentialIssued': {
      const { publicKey, tokenId, at } = event;
      const key = { publicKey, issuedAt: at };
      if (tokenId !== null) return { ...access, keys: [key], tokens: [...access.tokens, tokenId] };
      // A next key that was never used makes place for the one after it.
      return { ...access, keys: [...access.keys.slice(0, 1), key], isRotationRequested: false };
    }
    case 'NodeCredentialRotated':
      return { ...access, keys: access.keys.filter(({ publicKey }) => publicKey === event.publicKey) };
    case 'NodeRotationRequested':
      return { ...access, isRotationRequested: true };
    case 'NodeCredentialsRevoked':
      return { ...access, keys: [], isRotationRequested: false };
    default:
      return assertNever(event);
  }
};
