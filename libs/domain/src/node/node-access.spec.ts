import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { aHardware } from '../specs/facts.fixture.js';
import { nodeDecider } from './node.decider.js';
import type { NodeCommand, NodeEvent } from './node.events.js';

const at = 1_000;
const { given } = specFor(nodeDecider);
const nodeId = 'n1';
const facts = { nodeId, hardware: aHardware(), driver: 'sandbox', warnings: [], at } as const;
const join = (bootId: string): NodeCommand => ({ type: 'JoinNode', bootId, ...facts });
const joined = (epoch: number, bootId: string): NodeEvent => ({ type: 'NodeJoined', epoch, bootId, ...facts });
const lost = (epoch: number, cause: 'left' | 'revoked' | 'heartbeat'): NodeEvent => ({
  type: 'NodeLost',
  nodeId,
  epoch,
  cause,
  at,
});
const retired: NodeEvent = { type: 'NodeRetired', nodeId, at };
const issued = (publicKey: string, tokenId: string | null): NodeEvent => ({
  type: 'NodeCredentialIssued',
  nodeId,
  publicKey,
  tokenId,
  at,
});
const rotated = (publicKey: string): NodeEvent => ({ type: 'NodeCredentialRotated', nodeId, publicKey, at });
const requested: NodeEvent = { type: 'NodeRotationRequested', nodeId, at };
const revoked: NodeEvent = { type: 'NodeCredentialsRevoked', nodeId, at };
const enroll = (publicKey: string, tokenId: string, isNamedByToken = false): NodeCommand => ({
  type: 'EnrollNode',
  nodeId,
  publicKey,
  tokenId,
  isNamedByToken,
  at,
});
const confirm = (publicKey: string): NodeCommand => ({ type: 'ConfirmCredential', publicKey, at });
const rotate = (publicKey: string): NodeCommand => ({ type: 'RotateCredential', publicKey, at });
const revoke: NodeCommand = { type: 'RevokeCredentials', at };

describe('enrolling', () => {
  it('issues a credential for a name that is free', () => given().when(enroll('K1', 't1')).then(issued('K1', 't1')));
  it('is nothing new when the answer was lost', () => given(issued('K1', 't1')).when(enroll('K1', 't1')).thenNothing());
  it('does not undo a revocation when an old join is played again', () => {
    given(issued('K1', 't1'), revoked).when(enroll('K1', 't1')).thenRejected('node-revoked');
    given(issued('K1', 't1'), revoked, issued('K2', 't2'), revoked)
      .when(enroll('K1', 't1'))
      .thenRejected('node-revoked');
  });
  it('takes nobody else’s name, also of a node that is away or revoked', () => {
    given(issued('K1', 't1')).when(enroll('K2', 't2')).thenRejected('node-name-taken');
    given(issued('K1', 't1'), revoked).when(enroll('K2', 't2')).thenRejected('node-name-taken');
    given(joined(1, 'b1'), lost(1, 'heartbeat')).when(enroll('K2', 't2')).thenRejected('node-name-taken');
  });
  it('puts a new machine in the place of one with a token made for that name', () => {
    given(issued('K1', 't1'))
      .when(enroll('K2', 't2', true))
      .then(revoked, issued('K2', 't2'));
    given(issued('K1', 't1'), joined(1, 'b1'))
      .when(enroll('K2', 't2', true))
      .then(revoked, lost(1, 'revoked'), issued('K2', 't2'));
    given(issued('K1', 't1'), revoked)
      .when(enroll('K2', 't2', true))
      .then(issued('K2', 't2'));
  });
  it('never takes the name of a node of the configuration that is there, nor of a retired one', () => {
    given(joined(1, 'b1'))
      .when(enroll('K2', 't2', true))
      .thenRejected('node-name-taken');
    given(joined(1, 'b1'), lost(1, 'left'), retired)
      .when(enroll('K2', 't2', true))
      .thenRejected('node-retired');
  });
});

describe('rotating', () => {
  it('lets both keys open until the new one was used once', () => {
    given(issued('K1', 't1')).when(rotate('K2')).then(issued('K2', null));
    given(issued('K1', 't1'), issued('K2', null)).when(confirm('K1')).thenNothing();
    given(issued('K1', 't1'), issued('K2', null)).when(confirm('K2')).then(rotated('K2'));
    given(issued('K1', 't1'), issued('K2', null), rotated('K2')).when(confirm('K1')).thenRejected('node-key-unknown');
    given(issued('K1', 't1'), issued('K2', null), rotated('K2')).when(confirm('K2')).thenNothing();
  });
  it('forgets a next key that was never used for the one after it', () => {
    given(issued('K1', 't1'), issued('K2', null), issued('K3', null))
      .when(confirm('K2'))
      .thenRejected('node-key-unknown');
    given(issued('K1', 't1'), issued('K2', null), issued('K3', null)).when(confirm('K3')).then(rotated('K3'));
  });
  it('is safe to repeat', () => given(issued('K1', 't1'), issued('K2', null)).when(rotate('K2')).thenNothing());
  it('is asked for once, until the node has done it', () => {
    given(issued('K1', 't1')).when({ type: 'RequestRotation', at }).then(requested);
    given(issued('K1', 't1'), requested).when({ type: 'RequestRotation', at }).thenNothing();
    given(issued('K1', 't1'), requested, issued('K2', null)).when({ type: 'RequestRotation', at }).then(requested);
  });
  it('is not for nodes of the configuration, nor for revoked or unknown ones', () => {
    given(joined(1, 'b1')).when(rotate('K2')).thenRejected('node-of-configuration');
    given(issued('K1', 't1'), revoked).when(rotate('K2')).thenRejected('node-revoked');
    given().when(rotate('K2')).thenRejected('node-not-found');
  });
});

describe('revoking', () => {
  it('voids every key and ends the session in one commit', () => {
    given(issued('K1', 't1'), joined(1, 'b1')).when(revoke).then(revoked, lost(1, 'revoked'));
    given(issued('K1', 't1')).when(revoke).then(revoked);
    given(issued('K1', 't1'), issued('K2', null), revoked).when(confirm('K2')).thenRejected('node-revoked');
  });
  it('keeps a node that was revoked from joining again, the same boot too', () => {
    given(issued('K1', 't1'), joined(1, 'b1'), revoked, lost(1, 'revoked'))
      .when(join('b1'))
      .thenRejected('node-revoked');
    given(issued('K1', 't1'), joined(1, 'b1'), revoked, lost(1, 'revoked'))
      .when(join('b2'))
      .thenRejected('node-revoked');
  });
  it('is nothing new the second time', () => given(issued('K1', 't1'), revoked).when(revoke).thenNothing());
  it('says so for nodes without credentials of their own', () => {
    given(joined(1, 'b1')).when(revoke).thenRejected('node-of-configuration');
    given().when(revoke).thenRejected('node-not-found');
  });
  it('is part of retiring', () => {
    given(issued('K1', 't1'), joined(1, 'b1')).when({ type: 'RetireNode', at }).then(lost(1, 'left'), revoked, retired);
    given(issued('K1', 't1')).when({ type: 'RetireNode', at }).then(revoked, retired);
  });
});
