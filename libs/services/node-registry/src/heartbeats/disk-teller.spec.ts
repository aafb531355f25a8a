import { describe, expect, it } from '@jest/globals';
import { DiskTeller, type DiskTellerOptions } from './disk-teller.js';

describe('DiskTeller', () => {
  const never = new AbortController().signal;

  it('tells of the other nodes when the commands of one are refused, which is tried again after a rest', async () => {
    let now = 0;
    const told: string[] = [];
    const warned: object[] = [];
    const commands = {
      execute: (nodeId: string) => {
        told.push(nodeId);
        return nodeId === 'stopped' ? Promise.reject(new Error('stopped')) : Promise.resolve({});
      },
    } as unknown as DiskTellerOptions['commands'];
    const teller = new DiskTeller({
      news: () => ['stopped', 'second', 'third'].map((nodeId) => ({ nodeId, epoch: 1, isFull: true })),
      commands,
      logger: { warn: (fields: object) => void warned.push(fields) } as DiskTellerOptions['logger'],
      elapsed: () => now,
      restMs: 1_000,
    });
    await teller.tell(never);
    expect(told).toEqual(['stopped', 'second', 'third']);
    expect(warned).toMatchObject([{ nodeId: 'stopped' }]);
    now = 500;
    await teller.tell(never);
    expect(told).toEqual(['stopped', 'second', 'third', 'second', 'third']);
    now = 1_000;
    await teller.tell(never);
    expect(told.slice(5)).toEqual(['stopped', 'second', 'third']);
  });
});
