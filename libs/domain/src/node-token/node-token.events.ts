import type { InstantMs } from '../shared/time.js';

/**
 * A one-time token with which a machine becomes a node.
 * States: open -> used (NodeTokenUsed, once); open -> revoked (NodeTokenRevoked); open -> expired, by the clock alone.
 */
export type NodeTokenEvent =
  | {
      readonly type: 'NodeTokenCreated';
      readonly tokenId: string;
      /** Lower-case hexadecimal SHA-256 of the token, which is random. */
      readonly hash: string;
      /** The only name that it can be used for; null for any that is free. */
      readonly nodeId: string | null;
      /** Why there is one, for people. */
      readonly reason: string;
      readonly expiresAt: InstantMs;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'NodeTokenUsed';
      readonly tokenId: string;
      readonly nodeId: string;
      readonly publicKey: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'NodeTokenRevoked'; readonly tokenId: string; readonly at: InstantMs };

type Created = Extract<NodeTokenEvent, { type: 'NodeTokenCreated' }>;

export type NodeTokenCommand =
  | ({ readonly type: 'CreateNodeToken' } & Omit<Created, 'type'>)
  | { readonly type: 'UseNodeToken'; readonly nodeId: string; readonly publicKey: string; readonly at: InstantMs }
  | { readonly type: 'RevokeNodeToken'; readonly at: InstantMs };
