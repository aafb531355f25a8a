import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import type { NodeTokenCommand, NodeTokenEvent } from './node-token.events.js';

export interface NodeTokenState {
  readonly tokenId: string;
  readonly hash: string;
  readonly nodeId: string | null;
  readonly reason: string;
  readonly createdAt: InstantMs;
  readonly expiresAt: InstantMs;
  /** What it was used for; null before. */
  readonly use: { readonly nodeId: string; readonly publicKey: string; readonly at: InstantMs } | null;
  readonly isRevoked: boolean;
}

const initial: NodeTokenState = {
  tokenId: '',
  hash: '',
  nodeId: null,
  reason: '',
  createdAt: 0,
  expiresAt: 0,
  use: null,
  isRevoked: false,
};

export type NodeTokenStatus = 'open' | 'used' | 'revoked' | 'expired';

export const nodeTokenStatus = ({ use, isRevoked, expiresAt }: NodeTokenState, now: InstantMs): NodeTokenStatus => {
  if (use) return 'used';
  if (isRevoked) return 'revoked';
  return now >= expiresAt ? 'expired' : 'open';
};

type Use = Extract<NodeTokenCommand, { type: 'UseNodeToken' }>;

const useOnce = (state: NodeTokenState, { nodeId, publicKey, at }: Use): Decision<NodeTokenEvent> => {
  const { tokenId, use } = state;
  // Expiry ends also what a lost answer may be asked for again.
  if (at >= state.expiresAt)
    return reject('forbidden', 'node-token-expired', 'this token has expired: ask for another one');
  if (use) {
    const isSame = use.nodeId === nodeId && use.publicKey === publicKey;
    return isSame ? accept() : reject('forbidden', 'node-token-used', 'this token was used before: it opens once');
  }
  if (state.isRevoked) return reject('forbidden', 'node-token-revoked', 'this token was revoked');
  if (state.nodeId !== null && state.nodeId !== nodeId) {
    return reject('forbidden', 'node-token-for-another', `this token is for the name ${state.nodeId}`);
  }
  return accept<NodeTokenEvent>({ type: 'NodeTokenUsed', tokenId, nodeId, publicKey, at });
};

const decide = (state: NodeTokenState, command: NodeTokenCommand): Decision<NodeTokenEvent> => {
  if (command.type === 'CreateNodeToken') {
    if (state.tokenId !== '') return reject('conflict', 'node-token-exists', 'there is a token of this id');
    const { tokenId, hash, nodeId, reason, expiresAt, at } = command;
    return accept<NodeTokenEvent>({ type: 'NodeTokenCreated', tokenId, hash, nodeId, reason, expiresAt, at });
  }
  if (state.tokenId === '') return reject('not-found', 'node-token-not-found', 'No such token');
  switch (command.type) {
    case 'UseNodeToken':
      return useOnce(state, command);
    case 'RevokeNodeToken':
      if (state.use)
        return reject(
          'conflict',
          'node-token-used',
          `this token was used: revoke the node ${state.use.nodeId} instead`,
        );
      if (state.isRevoked) return accept();
      return accept<NodeTokenEvent>({ type: 'NodeTokenRevoked', tokenId: state.tokenId, at: command.at });
    default:
      return assertNever(command);
  }
};

const evolve = (state: NodeTokenState, event: NodeTokenEvent): NodeTokenState => {
  switch (event.type) {
    case 'NodeTokenCreated': {
      const { tokenId, hash, nodeId, reason, expiresAt, at } = event;
      return { ...state, tokenId, hash, nodeId, reason, expiresAt, createdAt: at };
    }
    case 'NodeTokenUsed':
      return { ...state, use: { nodeId: event.nodeId, publicKey: event.publicKey, at: event.at } };
    case 'NodeTokenRevoked':
      return { ...state, isRevoked: true };
    default:
      return assertNever(event);
  }
};

/**
 * The token aggregate; its states are listed at {@link NodeTokenEvent}. Rejections: `node-token-exists`, `node-token-not-found`,
 * `node-token-used`, `node-token-revoked`, `node-token-expired`, `node-token-for-another`.
 */
export const nodeTokenDecider: Decider<NodeTokenState, NodeTokenCommand, NodeTokenEvent> = { initial, decide, evolve };
