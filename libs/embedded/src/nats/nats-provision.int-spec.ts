import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisionNats } from './nats-provision.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-provision-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const program = async (name: string, script: string): Promise<string> => {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
};

const provision = (more: Partial<Parameters<typeof provisionNats>[0]> = {}) =>
  provisionNats({ toolsDir: join(folder, 'tools'), env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` }, ...more });

describe('finding a NATS server', () => {
  it('takes the one on PATH when it is recent enough', async () => {
    const path = await program('bin/nats-server', 'echo nats-server: v2.9.0');
    expect(await provision()).toEqual({ path, version: { major: 2, minor: 9, patch: 0 }, source: 'path' });
  });

  it('takes the named one before any other, and refuses it when it is too old', async () => {
    await program('bin/nats-server', 'echo nats-server: v2.15.0');
    const old = await program('old-server', 'echo nats-server: v2.8.4');
    await expect(provision({ server: old })).rejects.toThrow(/2\.8\.4[\s\S]*FORNAX_NATS_SERVER/);
    const good = await program('good-server', 'echo nats-server: v2.12.1');
    expect((await provision({ server: good })).path).toBe(good);
  });

  it('builds one with Go, keeps it, and builds it only once', async () => {
    // The stand-in for Go makes a program where it is told to, as `go install` does.
    const make = `printf '#!/bin/sh\\necho nats-server: v2.15.2\\n' > "$GOBIN/nats-server"; chmod +x "$GOBIN/nats-server"`;
    await program('bin/go', `echo built >> ${join(folder, 'built')}; ${make}`);
    const steps: string[] = [];
    const ask = () => provision({ source: 'go', onProgress: (line) => steps.push(line) });
    const [first, second] = [await ask(), await ask()];
    expect(first.source).toBe('go');
    expect(second).toEqual(first);
    expect(steps).toHaveLength(1);
    expect((await readdir(join(folder, 'tools'))).filter((name) => name.startsWith('.making'))).toEqual([]);
  });

  it('says for each way why it failed, and what to install', async () => {
    await program('bin/go', 'echo no network >&2; exit 1');
    await program('bin/apt-get', 'echo cannot download >&2; exit 100');
    await program('bin/dpkg-deb', 'exit 0');
    await expect(provision()).rejects.toThrow(
      /no network[\s\S]*cannot download[\s\S]*Install one of[\s\S]*FORNAX_NATS_SERVER[\s\S]*FORNAX_NATS_URL/,
    );
  });
});
