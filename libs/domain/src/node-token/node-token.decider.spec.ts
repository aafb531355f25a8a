import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { nodeTokenDecider, nodeTokenStatus } from './node-token.decider.js';
import type { NodeTokenCommand, NodeTokenEvent } from './node-token.events.js';

const at = 1_000;
const { given } = specFor(nodeTokenDecider);
const facts = { tokenId: 't1', hash: 'h', nodeId: null, reason: '', expiresAt: 5_000, at } as const;
const created: NodeTokenEvent = { type: 'NodeTokenCreated', ...facts };
const named: NodeTokenEvent = { ...created, nodeId: 'gpu' };
const used = (nodeId: string, publicKey: string): NodeTokenEvent => ({
  type: 'NodeTokenUsed',
  tokenId: 't1',
  nodeId,
  publicKey,
  at,
});
const revoked: NodeTokenEvent = { type: 'NodeTokenRevoked', tokenId: 't1', at };
const use = (nodeId: string, publicKey: string, when = at): NodeTokenCommand => ({
  type: 'UseNodeToken',
  nodeId,
  publicKey,
  at: when,
});

describe('a one-time token', () => {
  it('is made once', () => {
    given()
      .when({ type: 'CreateNodeToken', ...facts })
      .then(created);
    given(created)
      .when({ type: 'CreateNodeToken', ...facts })
      .thenRejected('node-token-exists');
  });
  it('is used once: whoever comes second with another key or name is refused', () => {
    given(created).when(use('a', 'K1')).then(used('a', 'K1'));
    given(created, used('a', 'K1')).when(use('a', 'K2')).thenRejected('node-token-used');
    given(created, used('a', 'K1')).when(use('b', 'K1')).thenRejected('node-token-used');
  });
  it('answers the same machine again, whose answer was lost, until it expires', () => {
    given(created, used('a', 'K1')).when(use('a', 'K1')).thenNothing();
    given(created, used('a', 'K1'))
      .when(use('a', 'K1', 5_000))
      .thenRejected('node-token-expired');
  });
  it('is for one name when it says so', () => {
    given(named).when(use('gpu', 'K1')).then(used('gpu', 'K1'));
    given(named).when(use('a', 'K1')).thenRejected('node-token-for-another');
  });
  it('opens nothing after it expired, was revoked, or was never made', () => {
    given(created)
      .when(use('a', 'K1', 5_000))
      .thenRejected('node-token-expired');
    given(created, revoked).when(use('a', 'K1')).thenRejected('node-token-revoked');
    given().when(use('a', 'K1')).thenRejected('node-token-not-found');
  });
  it('is revoked once, and not after it was used', () => {
    given(created).when({ type: 'RevokeNodeToken', at }).then(revoked);
    given(created, revoked).when({ type: 'RevokeNodeToken', at }).thenNothing();
    given(created, used('a', 'K1')).when({ type: 'RevokeNodeToken', at }).thenRejected('node-token-used');
    given().when({ type: 'RevokeNodeToken', at }).thenRejected('node-token-not-found');
  });
  it('says how it stands', () => {
    const stateOf = (...events: readonly NodeTokenEvent[]) =>
      events.reduce(nodeTokenDecider.evolve, nodeTokenDecider.initial);
    expect(nodeTokenStatus(stateOf(created), 4_999)).toBe('open');
    expect(nodeTokenStatus(stateOf(created), 5_000)).toBe('expired');
    expect(nodeTokenStatus(stateOf(created, revoked), 1)).toBe('revoked');
    expect(nodeTokenStatus(stateOf(created, used('a', 'K1')), 9_000)).toBe('used');
  });
});
