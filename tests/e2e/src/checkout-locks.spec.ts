import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

interface Bootstrap {
  readonly oneAtATime: <T>(
    step: () => Promise<T>,
    log: (line: string) => void,
    options?: { readonly name?: string; readonly what?: string },
  ) => Promise<T>;
}

const { oneAtATime } = (await import(new URL('../../../tools/bootstrap.mjs', import.meta.url).href)) as Bootstrap;

/** Longer than a build of the documentation takes on a busy machine. */
const BUILD_MS = 240_000;

const buildDocumentation = (): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(workspaceRoot, 'docs/build.mjs')], { stdio: 'ignore' });
    const tooLong = setTimeout(() => child.kill(), BUILD_MS);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(tooLong);
      resolve(code);
    });
  });

describe('two commands in one checkout', () => {
  it('take turns at the same thing', async () => {
    const options = { name: `spec-${process.pid}`, what: 'is tested' };
    const order: string[] = [];
    let waits: Promise<void> = Promise.resolve();
    await oneAtATime(
      async () => {
        const isWaiting = new Promise<void>((resolve) => {
          const log = (line: string): void => {
            order.push(line);
            resolve();
          };
          waits = oneAtATime(() => Promise.resolve(void order.push('second')), log, options);
        });
        await isWaiting;
        order.push('first');
      },
      () => undefined,
      options,
    );
    await waits;
    expect(order).toEqual(['waiting for another command that is tested', 'first', 'second']);
  });

  it(
    'build the documentation while another installs or builds programs',
    async () => {
      expect(await oneAtATime(buildDocumentation, () => undefined)).toBe(0);
    },
    BUILD_MS + 30_000,
  );
});
