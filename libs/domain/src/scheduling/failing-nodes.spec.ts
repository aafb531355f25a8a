import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rangesOf } from '../shared/ranges.js';
import { aHardware } from '../specs/facts.fixture.js';
import { plan, type NodeView } from './plan.js';
import type { WaitingClass } from './waiting-class.js';

const node = (id: string, free: number, heldBack?: NodeView['heldBack'], diskMB = 0): NodeView => ({
  ...{ id, epoch: 1, hardware: aHardware({ cores: 4, diskMB }), freeCores: free, freeMemoryMB: 8_192 },
  ...(heldBack ? { heldBack } : {}),
  freeDiskMB: diskMB,
});
const waiting = (count: number, overrides: Partial<WaitingClass> = {}): WaitingClass => {
  const request = { cores: 1, memoryMB: 1 };
  const task = { owner: 'ada', plan: 'flex', request, constraints: [] } as const;
  return { ...task, key: 'k', entries: [{ ...task, taskId: 't', waiting: rangesOf(count), order: 1 }], ...overrides };
};
const placed = (nodes: readonly NodeView[], one: WaitingClass) => {
  const { placements, reasons } = plan(nodes, [one], { maxPlacements: 100 });
  return [placements.map((each) => each.node), reasons.map(({ reason }) => reason)];
};
const avoids = (...nodes: readonly string[]) => ({ avoids: new Set(nodes) });

describe('nodes that fail', () => {
  it.each([
    ['goes elsewhere', [node('a', 1), node('b', 4)], waiting(1, avoids('a')), ['b'], []],
    [
      'waits for another one that is busy',
      [node('a', 1), node('b', 0)],
      waiting(1, avoids('a')),
      [],
      ['nodes-failing'],
    ],
    ['goes there again where there is no other', [node('a', 1)], waiting(1, avoids('a')), ['a'], []],
    ['but not at once', [node('a', 1)], waiting(1, { ...avoids('a'), pause: 'there' }), [], ['nodes-failing']],
    [
      'is not paused for the others',
      [node('a', 1), node('b', 1)],
      waiting(1, { ...avoids('a'), pause: 'there' }),
      ['b'],
      [],
    ],
    [
      'is given nothing while it is held back',
      [node('a', 4, 'closed'), node('b', 1)],
      waiting(2),
      ['b'],
      ['nodes-failing'],
    ],
    ['is given one that tries it', [node('a', 2, 'trial'), node('b', 0)], waiting(2), ['a'], ['nodes-failing']],
    [
      'starves nobody where all are held back',
      [node('a', 1, 'closed'), node('b', 1, 'closed')],
      waiting(2),
      ['a', 'b'],
      [],
    ],
    [
      'goes there again where the disks of the others are too small, however empty',
      [node('a', 1, undefined, 100_000), node('b', 1, undefined, 10_000)],
      waiting(1, { ...avoids('a'), request: { cores: 1, memoryMB: 1, diskMB: 50_000 } }),
      ['a'],
      [],
    ],
    [
      'is given to one that is held back where the disks of the others are too small',
      [node('a', 1, 'closed', 100_000), node('b', 1, undefined, 10_000)],
      waiting(1, { request: { cores: 1, memoryMB: 1, diskMB: 50_000 } }),
      ['a'],
      [],
    ],
    [
      'goes nowhere while its registry is away',
      [node('a', 1), node('b', 1)],
      waiting(1, { ...avoids('a'), pause: 'everywhere' }),
      [],
      ['nodes-failing'],
    ],
    [
      'is given nothing while it is held back for its account',
      [{ ...node('a', 4), heldBackFor: new Map([['ada', 'closed' as const]]) }, node('b', 1)],
      waiting(2),
      ['b'],
      ['nodes-failing'],
    ],
    [
      'is given one that tries it for its account',
      [{ ...node('a', 4), heldBackFor: new Map([['ada', 'trial' as const]]) }, node('b', 1)],
      waiting(3),
      ['b', 'a'],
      ['nodes-failing'],
    ],
    [
      'is given all while it is held back for another account',
      [{ ...node('a', 2), heldBackFor: new Map([['eve', 'closed' as const]]) }, node('b', 0)],
      waiting(2),
      ['a', 'a'],
      [],
    ],
  ] as const)('what failed %s', (_, nodes, one, where, why) => expect(placed(nodes, one)).toEqual([where, why]));

  it('are never a reason to leave work on the floor for good: without pauses, where only they suit, all rooms are filled', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(undefined, 'closed', 'trial'), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 63 }),
        (states, bits) => {
          const nodes = states.map((heldBack, at) => node(`n${at}`, 2, heldBack));
          const avoided = nodes.filter((_, at) => (bits >> at) % 2 === 1).map(({ id }) => id);
          const [where = []] = placed(nodes, waiting(20, avoids(...avoided)));
          const trusted = nodes.filter(({ id, heldBack }) => heldBack !== 'closed' && !avoided.includes(id));
          const rooms = (trusted.length === 0 ? nodes : trusted).reduce(
            (sum, { heldBack }) => sum + (heldBack === 'trial' && trusted.length > 0 ? 1 : 2),
            0,
          );
          expect(where).toHaveLength(rooms);
          if (trusted.length > 0) expect(where.some((id) => avoided.includes(id))).toBe(false);
        },
      ),
    ));
});
