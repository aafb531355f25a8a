import type { NodeCommand, NodeEvent } from './node.events.js';
import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { aHardware } from '../specs/facts.fixture.js';
import { nodeDecider } from './node.decider.js';

const at = 1_000;
const { given } = specFor(nodeDecider);
const facts = { nodeId: 'n1', hardware: aHardware(), driver: 'sandbox', warnings: [], at } as const;
const join = (bootId: string): NodeCommand => ({ type: 'JoinNode', bootId, ...facts });
const joined = (epoch: number, bootId: string): NodeEvent => ({ type: 'NodeJoined', epoch, bootId, ...facts });
const lost = (epoch: number, cause: 'heartbeat' | 'rejoined' | 'left'): NodeEvent => ({
  type: 'NodeLost',
  nodeId: 'n1',
  epoch,
  cause,
  at,
});
const drained: NodeEvent = { type: 'NodeDrained', nodeId: 'n1', at };
const resumed: NodeEvent = { type: 'NodeResumed', nodeId: 'n1', at };
const retired: NodeEvent = { type: 'NodeRetired', nodeId: 'n1', at };

describe('joining', () => {
  it('starts the first session', () => given().when(join('b1')).then(joined(1, 'b1')));
  it('is nothing new for the boot that is online', () => given(joined(1, 'b1')).when(join('b1')).thenNothing());
  it('ends the session of the previous boot in the same commit', () =>
    given(joined(1, 'b1')).when(join('b2')).then(lost(1, 'rejoined'), joined(2, 'b2')));
  it('starts a new session for a node that was lost, also for the same boot', () =>
    given(joined(1, 'b1'), lost(1, 'heartbeat')).when(join('b1')).then(joined(2, 'b1')));
  it('keeps a drain that was asked for', () =>
    given(joined(1, 'b1'), drained).when(join('b2')).then(lost(1, 'rejoined'), joined(2, 'b2'), drained));
  it('is rejected for a retired node', () =>
    given(joined(1, 'b1'), lost(1, 'left'), retired).when(join('b2')).thenRejected('node-retired'));
});

describe('losing a node', () => {
  const lose = (epoch: number): NodeCommand => ({ type: 'LoseNode', epoch, cause: 'heartbeat', at });
  it('ends its session', () => given(joined(1, 'b1')).when(lose(1)).then(lost(1, 'heartbeat')));
  it('says when it was last heard, where that was measured', () =>
    given(joined(1, 'b1'))
      .when({ ...lose(1), silentMs: 300 } as NodeCommand)
      .then({ ...lost(1, 'heartbeat'), heardAt: at - 300 } as NodeEvent));
  it('ignores the loss of an earlier session', () =>
    given(joined(1, 'b1'), lost(1, 'rejoined'), joined(2, 'b2')).when(lose(1)).thenNothing());
  it('ignores a node that is lost or unknown already', () => {
    given(joined(1, 'b1'), lost(1, 'heartbeat')).when(lose(1)).thenNothing();
    given().when(lose(0)).thenNothing();
  });
});

describe('what a node says of its disk', () => {
  const filled: NodeEvent = { type: 'NodeDiskFilled', nodeId: 'n1', epoch: 1, at };
  const freed: NodeEvent = { type: 'NodeDiskFreed', nodeId: 'n1', epoch: 1, at };
  const report = (isFull: boolean, epoch = 1): NodeCommand => ({ type: 'ReportDisk', epoch, isFull, at });
  it('is kept when it is news', () => {
    given(joined(1, 'b1')).when(report(true)).then(filled);
    given(joined(1, 'b1'), filled).when(report(true)).thenNothing();
    given(joined(1, 'b1'), filled).when(report(false)).then(freed);
    given(joined(1, 'b1'), filled, freed).when(report(false)).thenNothing();
    given(joined(1, 'b1'), drained).when(report(true)).then(filled);
  });
  it('counts for the session that is, and for no other', () => {
    given(joined(1, 'b1'), lost(1, 'left')).when(report(true)).thenNothing();
    given(joined(2, 'b2')).when(report(true)).thenNothing();
    given().when(report(true, 0)).thenNothing();
    given(joined(1, 'b1'), filled, lost(1, 'left'), joined(2, 'b2')).when(report(false, 2)).thenNothing();
  });
});

describe('draining, resuming, retiring', () => {
  it('drains and resumes once each', () => {
    given(joined(1, 'b1')).when({ type: 'DrainNode', at }).then(drained);
    given(joined(1, 'b1'), drained).when({ type: 'DrainNode', at }).thenNothing();
    given(joined(1, 'b1'), drained).when({ type: 'ResumeNode', at }).then(resumed);
    given(joined(1, 'b1')).when({ type: 'ResumeNode', at }).thenNothing();
  });
  it('forgets the drain once resumed', () =>
    given(joined(1, 'b1'), drained, resumed).when(join('b2')).then(lost(1, 'rejoined'), joined(2, 'b2')));
  it('ends the session of a node that retires', () =>
    given(joined(1, 'b1'), drained).when({ type: 'RetireNode', at }).then(lost(1, 'left'), retired));
  it('retires for good, once', () => {
    given(joined(1, 'b1'), lost(1, 'left'), retired).when({ type: 'RetireNode', at }).thenNothing();
    given(joined(1, 'b1'), lost(1, 'left'), retired).when({ type: 'DrainNode', at }).thenRejected('node-retired');
  });
  it('is rejected for an unknown node', () => given().when({ type: 'DrainNode', at }).thenRejected('node-not-found'));
});
