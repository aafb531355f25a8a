import { describe, expect, it } from '@jest/globals';
import { constants } from 'node:os';
import { signalName } from './signal-name.js';

describe('names of signals', () => {
  it('are those that people know where a signal has two', () => {
    expect(signalName(constants.signals.SIGABRT)).toBe('SIGABRT');
    expect(signalName(constants.signals.SIGIO)).toBe('SIGIO');
    expect(signalName(constants.signals.SIGKILL)).toBe('SIGKILL');
  });

  it('exist for every number that can end a command, real-time signals too, and for no other', () => {
    expect(Array.from({ length: 64 }, (_, at) => signalName(at + 1))).not.toContain(undefined);
    expect(signalName(34)).toBe('SIGRTMIN');
    expect(signalName(36)).toBe('SIGRTMIN+2');
    expect(signalName(64)).toBe('SIGRTMAX');
    expect([0, 65, Number.NaN].map(signalName)).toEqual([undefined, undefined, undefined]);
  });
});
