import { describe, expect, it } from '@jest/globals';
import { liveMessageSchema, type LiveMessage } from '@fornax/contracts';
import fc from 'fast-check';
import { LiveBoard, liveKey, SILENT_AFTER_MS } from './live-board.js';

const message = (...leases: readonly (readonly [taskId: string, leaseId: string])[]): LiveMessage => ({
  nodeEpoch: 1,
  specificationKey: 'k',
  cpuModel: 'm',
  cores: 2,
  ghz: 2,
  maxGhz: 3,
  instances: leases.map(([taskId, leaseId]) => ({
    leaseId,
    taskId,
    instance: 0,
    phase: 'execution',
    cpuUsage: 1,
    memoryMB: 1,
    networkInKbps: 0,
    networkOutKbps: 0,
    progress: 0,
    executionMs: 1,
    ghzSeconds: 1,
  })),
});

describe('the board of what nodes say', () => {
  it('has of each node what it said last', () => {
    const board = new LiveBoard();
    board.take('n1', message(['t', 'a'], ['t', 'b'], ['u', 'c']), 0);
    board.take('n2', message(['t', 'd']), 0);
    board.take('n1', message(['t', 'b']), 1_000);
    expect([...board.of('t', 1_000).values()].map(({ instance }) => instance.leaseId).toSorted()).toEqual(['b', 'd']);
    expect(board.of('u', 1_000).size).toBe(0);
    expect(board.of('t', 1_000).get(liveKey('n1', 'b'))).toMatchObject({
      node: 'n1',
      at: 1_000,
      host: { ghz: 2, maxGhz: 3 },
    });
  });

  it('drops what a silent node said', () => {
    const board = new LiveBoard();
    board.take('n1', message(['t', 'a']), 0);
    expect(board.of('t', SILENT_AFTER_MS).size).toBe(1);
    expect(board.of('t', SILENT_AFTER_MS + 1).size).toBe(0);
    board.take('n2', message(), SILENT_AFTER_MS + 1);
    expect(board.size).toBe(0);
  });

  it('lets no node speak for a lease of another', () => {
    const board = new LiveBoard();
    board.take('n2', message(['t', 'a']), 0);
    board.take('n1', message(['t', 'a']), 0);
    expect(board.of('t', 0).get(liveKey('n1', 'a'))).toMatchObject({ node: 'n1' });
    board.take('n2', message(), 0);
    expect(board.of('t', 0).get(liveKey('n1', 'a'))).toMatchObject({ node: 'n1' });
  });

  it('holds as many leases as its nodes said last, whatever they say', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            node: fc.constantFrom('n1', 'n2', 'n3'),
            leases: fc.uniqueArray(fc.tuple(fc.constantFrom('t', 'u'), fc.constantFrom('a', 'b', 'c')), {
              selector: ([, lease]) => lease,
            }),
            step: fc.nat(9_000),
          }),
        ),
        (said) => {
          const board = new LiveBoard();
          let now = 0;
          for (const { node, leases, step } of said) board.take(node, message(...leases), (now += step));
          const shown = ['t', 'u'].reduce((sum, task) => sum + board.of(task, now).size, 0);
          expect(shown).toBeLessThanOrEqual(board.size);
          board.take('n4', message(), now + 20_000);
          expect(board.size).toBe(0);
        },
      ),
    ));
});

describe('a message of a node', () => {
  it.each([
    ['more than the schema knows', { ...message(), extra: 1 }],
    ['a share above a hundred', { ...message(), instances: [{ ...message(['t', 'a']).instances[0], cpuUsage: 101 }] }],
    ['no number', { ...message(), ghz: Number.NaN }],
    ['a lease without a name', { ...message(), instances: [{ ...message(['t', 'a']).instances[0], leaseId: '' }] }],
    ['a phase that nobody is in', { ...message(), instances: [{ ...message(['t', 'a']).instances[0], phase: 'x' }] }],
  ])('is refused for %s', (_, body) => expect(liveMessageSchema.safeParse(body).success).toBe(false));
});
