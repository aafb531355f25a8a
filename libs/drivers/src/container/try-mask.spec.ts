import { Readable } from 'node:stream';

import { describe, expect, it } from '@jest/globals';

import type { PreparedInstance, RunningInstance } from '../driver/driver.js';
import { SetUpRefused } from '../sandbox/first-process.js';
import { MaskTrials } from './try-mask.js';

type Ending = () => Promise<{ readonly kind: 'exited' | 'killed' }>;
const well: Ending = () => Promise.resolve({ kind: 'exited' });

/** Trials that fail where the test says so. */
const trials = (told: { readonly exit?: Ending[]; readonly start?: Error[]; readonly imports?: Error[] } = {}) => {
  const left = { exit: [...(told.exit ?? [])], start: [...(told.start ?? [])], imports: [...(told.imports ?? [])] };
  const count = { imports: 0 };
  const start = async (): Promise<RunningInstance> => {
    const error = left.start.shift();
    if (error) throw error;
    const exit = (left.exit.shift() ?? well)();
    return { stdout: Readable.from([]), stderr: Readable.from([]), exit, kill: () => undefined } as never;
  };
  const prepared = { start, dispose: () => Promise.resolve() } as Partial<PreparedInstance> as PreparedInstance;
  const mask = new MaskTrials(
    { prepare: () => Promise.resolve(prepared) },
    {
      importImage: async () => {
        count.imports += 1;
        const error = left.imports.shift();
        if (error) throw error;
      },
      image: () => Promise.resolve(undefined),
      // It never can: that is no answer.
      removeImage: () => Promise.reject(new Error('the image is in use')),
    },
    'tests',
  );
  return { mask, count };
};

describe('whether a command in a container may be seen as another user', () => {
  it('is known once the first process has begun it, whatever becomes of the image of the trial', async () => {
    const { mask, count } = trials();
    expect([await mask.ask(), await mask.ask()]).toEqual([{ kind: 'works' }, { kind: 'works' }]);
    expect(count.imports).toBe(1);
  });

  it('is known once the first process has said why not', async () => {
    const { mask, count } = trials({ start: [new SetUpRefused('cannot make a user namespace')] });
    const no = { kind: 'refused', why: 'cannot make a user namespace' };
    expect([await mask.ask(), await mask.ask()]).toEqual([no, no]);
    expect(count.imports).toBe(1);
  });

  it.each([
    ['the image cannot be made', { imports: [new Error('no space left')] }],
    ['the container does not start', { start: [new Error('no answer in time')] }],
    ['the command is ended', { exit: [() => Promise.resolve({ kind: 'killed' as const })] }],
    ['its end is not known', { exit: [() => Promise.reject(new Error('lost'))] }],
  ])('is tried again where %s, once for all who ask meanwhile', async (_, told) => {
    const { mask, count } = trials(told);
    expect(await mask.ask()).toMatchObject({ kind: 'not-known' });
    expect(await Promise.all([mask.ask(), mask.ask()])).toEqual([{ kind: 'works' }, { kind: 'works' }]);
    expect(count.imports).toBe(2);
  });

  it('is tried a few times at most', async () => {
    const { mask, count } = trials({ imports: Array.from({ length: 20 }, () => new Error('no space left')) });
    for (let asked = 0; asked < 10; asked += 1)
      expect(await mask.ask()).toEqual({ kind: 'not-known', why: 'no space left' });
    expect(count.imports).toBe(5);
  });
});
