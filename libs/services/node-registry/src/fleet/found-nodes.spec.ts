import { describe, expect, it } from '@jest/globals';
import { nodeDecider, type NodeHardware, type NodeState } from '@fornax/domain';
import { aHardware } from '@fornax/testing';
import { foundNodes } from './found-nodes.js';

const node = (hardware: Partial<NodeHardware>, state: Partial<NodeState> = {}): NodeState => ({
  ...nodeDecider.initial,
  status: 'online',
  hardware: aHardware(hardware),
  ...state,
});
const fleet = [
  node({ cores: 2, ssd: true }),
  node({ cores: 8, ssd: true }),
  node({ cores: 8, ssd: true }, { status: 'draining', isDrainRequested: true }),
  node({ cores: 8, ssd: false }, { status: 'lost' }),
  node({ cores: 64, ssd: true }, { status: 'retired' }),
];

describe('nodes that a task may run on', () => {
  it('are all that there are where it asks for nothing, each kind told once', () => {
    const found = foundNodes(fleet, [], undefined);
    expect([found.of, found.fit, found.ready]).toEqual([4, 4, 2]);
    expect(found.hardware.map(({ cores, nodes }) => [cores, nodes])).toEqual([
      [2, 1],
      [8, 3],
    ]);
  });

  it('are those that meet all of its constraints; each is told by itself, too', () => {
    const found = foundNodes(
      fleet,
      [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 4 }, { discriminator: 'SSDHardwareConstraint' }],
      undefined,
    );
    expect([found.fit, found.ready]).toEqual([2, 1]);
    expect(found.constraints).toEqual([
      { discriminator: 'MinimumCoreHardwareConstraint', fit: 3 },
      { discriminator: 'SSDHardwareConstraint', fit: 3 },
    ]);
  });

  it('have a way out where the profile needs one', () => {
    const nodes = [node({ wayOut: false }), node({ wayOut: true })];
    expect(foundNodes(nodes, [], { wayOut: true }).fit).toBe(1);
    expect(foundNodes(nodes, [], { image: true }).fit).toBe(2);
  });
});
