import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, providePythonSdk, type RunningPlatform, startPlatform, toolsDir } from '@fornax/testing';

const run = promisify(execFile);
const script = new URL('../python/way_in.py', import.meta.url).pathname;
const LONG_MS = 60_000;

interface Forward {
  readonly name: string;
  readonly enabled: boolean;
  readonly applicationType: string;
  readonly proto: string;
  readonly port: number;
  readonly allowedIPs: readonly string[];
  readonly access: { readonly publicHost: string; readonly publicPort: number };
}
type Forwards = Readonly<Record<string, Readonly<Record<string, Forward>>>>;

/** Whether something listens there. */
const isOpen = async (port: number): Promise<boolean> => {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

describe('ways into instances', () => {
  let platform: RunningPlatform;
  let taskId = '';

  const call = async (path: string, init: RequestInit = {}, token = platform.token): Promise<Response> =>
    fetch(`${platform.apiUrl}${path}`, {
      ...init,
      headers: { authorization: token, 'content-type': 'application/json' },
    });
  const forwards = async (): Promise<Forwards> =>
    (await call(`/v1/network/tasks/${taskId}/port-forward`)).json() as Promise<Forwards>;
  const webPorts = async (): Promise<readonly number[]> =>
    Object.values(await forwards()).flatMap(({ web }) => web?.access.publicPort ?? []);
  const page = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
  const arePages = async (ports: readonly number[]): Promise<boolean> =>
    ports.length === 2 &&
    Promise.all(ports.map(page)).then(
      (texts) => texts.toSorted().join('') === 'instance 0\ninstance 1\n',
      () => false,
    );
  /** Ports of the two web servers once both answer, none of them one of those. */
  const comeBack = async (others: readonly number[]): Promise<readonly number[]> => {
    let ports: readonly number[] = [];
    await eventually(
      async () => {
        ports = await webPorts().catch(() => []);
        return !ports.some((port) => others.includes(port)) && arePages(ports);
      },
      { timeoutMs: LONG_MS },
    );
    return ports;
  };

  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(() => platform.stop());

  it('are named to the official SDK, and lead to each instance', async () => {
    const sdk = await providePythonSdk(toolsDir());
    if ('missing' in sdk) {
      console.warn(`SKIPPED-PYTHON-SDK: ${sdk.missing}`);
      return;
    }
    const { stdout } = await run(sdk.python, [script], { env: { ...process.env, ...platform.clientEnv } });
    const seen = JSON.parse(stdout) as { readonly uuid: string; readonly pages: Readonly<Record<string, string>> };
    expect(seen.pages).toEqual({ '0': 'instance 0\n', '1': 'instance 1\n' });
    taskId = seen.uuid;
    const found = await forwards();
    expect(Object.keys(found)).toEqual(['0', '1']);
    const publicPort: unknown = expect.any(Number);
    expect(found['0']).toEqual({
      web: {
        ...{ name: 'web', enabled: true, applicationType: 'http', proto: 'tcp', port: 8_080, allowedIPs: [] },
        access: { publicHost: '127.0.0.1', publicPort },
      },
      closed: expect.objectContaining({ name: 'closed', port: 8_081, allowedIPs: ['192.0.2.1'] }) as unknown,
    });
  });

  it('are open to those addresses alone that a rule names', async () => {
    const port = (await forwards())['0']?.['closed']?.access.publicPort ?? 0;
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    await once(socket, 'close');
    expect(socket.bytesRead).toBe(0);
  });

  it('come back with a platform and a node that were killed, by other ports', async () => {
    const before = await webPorts();
    process.kill((await platform.parts())['platform'] ?? 0, 'SIGKILL');
    const afterPlatform = await comeBack(before);
    expect(await Promise.all(before.map(isOpen))).toEqual([false, false]);
    const agents = Object.entries(await platform.parts()).filter(([name]) => name.startsWith('node'));
    for (const [, pid] of agents) process.kill(pid, 'SIGKILL');
    await comeBack(afterPlatform);
    expect(await Promise.all(afterPlatform.map(isOpen))).toEqual([false, false]);
  }, 180_000);

  it('end with the instances', async () => {
    const ports = await webPorts();
    expect(ports).toHaveLength(2);
    await call(`/tasks/${taskId}/abort`, { method: 'POST' });
    await eventually(async () => !(await Promise.all(ports.map(isOpen))).includes(true), { timeoutMs: LONG_MS });
    // A node tells once a second.
    await eventually(async () => JSON.stringify(await forwards()) === '{"0":{},"1":{}}', { timeoutMs: LONG_MS });
  });
});
