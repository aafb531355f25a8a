import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { eventually } from '@fornax/testing';
import type { RunningPlatform } from '@fornax/testing/platform';

export type Target = Pick<RunningPlatform, 'apiUrl' | 'token'>;

/** Calls the API. @throws Error a refusal */
export const ask = async (target: Target, method: string, path: string, body?: unknown): Promise<string> => {
  // What set the platform up left a connection, which the other side may have closed while this process was loading the test: a turn of the loop shows it.
  await delay(20);
  const response = await fetch(target.apiUrl + path, {
    method,
    headers: { authorization: target.token, 'content-type': 'application/json', connection: 'close' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return text;
};

/** Submits a script for one instance. @returns the task's id */
export const submitScript = async (
  target: Target,
  script: string,
  constants: Readonly<Record<string, string>> = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> => {
  const all = Object.entries({ ...constants, SHELL_SCRIPT: script }).map(([key, value]) => ({ key, value }));
  const body = { name: 'attack', profile: 'shell', instanceCount: 1, constants: all, ...more };
  return (JSON.parse(await ask(target, 'POST', '/tasks', body)) as { readonly uuid: string }).uuid;
};

/** Waits until a task is over. @returns its state */
export const endOf = (target: Target, uuid: string): Promise<string> =>
  eventually(
    async () => {
      const task = JSON.parse(await ask(target, 'GET', `/tasks/${uuid}`)) as { readonly state: string };
      return ['Success', 'Failure', 'Cancelled'].includes(task.state) && task.state;
    },
    { timeoutMs: 60_000 },
  );

/** Runs a script in an instance to its end, and returns what it printed. */
export const runScript = async (
  target: Target,
  script: string,
  constants: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const uuid = await submitScript(target, script, constants);
  const state = await endOf(target, uuid);
  const output = await ask(target, 'GET', `/tasks/${uuid}/stdout`);
  expect({ state, output }).toMatchObject({ state: 'Success' });
  return output;
};
