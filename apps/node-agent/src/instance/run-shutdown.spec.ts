import { PassThrough } from 'node:stream';

import { expect, it } from '@jest/globals';

import { runShutdown } from './run-shutdown.js';

/** An instance that goes on until it is ended, and a command beside its own that ends so. */
const instance = (exit: { readonly exitCode: number; readonly signal?: string }) => {
  const over = Promise.withResolvers<{ readonly kind: 'exited'; readonly exitCode: number }>();
  const entered = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    exit: Promise.resolve(exit),
    kill: () => undefined,
  };
  const running = { enter: () => Promise.resolve(entered), exit: over.promise } as unknown as Parameters<
    typeof runShutdown
  >[0];
  return { running, end: () => over.resolve({ kind: 'exited', exitCode: 0 }) };
};
const command = { argv: ['save'], env: {} } as unknown as Parameters<typeof runShutdown>[1];
const noteOf = (running: Parameters<typeof runShutdown>[0]) => runShutdown(running, command, () => undefined);

it('says that the command at the end of an instance was killed, unless that came with the end of the instance', async () => {
  const killed = { exitCode: 137, signal: 'SIGKILL' };
  expect(await noteOf(instance(killed).running)).toBe(
    'DOCKER_SHUTDOWN_CMD was killed (SIGKILL): by itself, or because its instance has no more memory',
  );
  const ended = instance(killed);
  const note = noteOf(ended.running);
  ended.end();
  expect(await note).toBeUndefined();
  expect(await noteOf(instance({ exitCode: 3 }).running)).toBe('DOCKER_SHUTDOWN_CMD exited with code 3');
  expect(await noteOf(instance({ exitCode: 0 }).running)).toBeUndefined();
});
