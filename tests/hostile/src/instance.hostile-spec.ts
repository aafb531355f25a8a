import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { S3Client } from '@fornax/s3';
import { eventually } from '@fornax/testing';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { platform as shared } from './platform.js';
import { ask, endOf, runScript, submitScript, type Target } from './run-script.js';

const filesBelow = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

/** Every secret of a platform, as its operator finds them: whole files, and each long word in them. */
const secretsOf = async (dataDir: string): Promise<readonly string[]> => {
  // A file that is just being written has its name for a moment only: all are read again then.
  const read = async (): Promise<readonly string[]> =>
    Promise.all((await filesBelow(join(dataDir, 'secrets'))).map((file) => readFile(file, 'utf8')));
  const texts = await eventually(() => read().catch(() => undefined));
  const words = texts.flatMap((text) => text.match(/[A-Za-z0-9+/=_-]{20,}/g) ?? []);
  return [...new Set([...texts.map((text) => text.trim()).filter((text) => text.length >= 16), ...words])].filter(
    // Places and names of users are no secrets.
    (secret) => !secret.startsWith('/') && !secret.startsWith('service/'),
  );
};

const readQuietly = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Processes that the platform started, in whatever way: all carry its mark, as do their children. */
const processesOf = async (dataDir: string): Promise<readonly string[]> => {
  const { run, guardian, launcher } = JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as {
    readonly run: string;
    readonly guardian: number;
    readonly launcher: number;
  };
  const known = [String(guardian), String(launcher)];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => known.includes(pid) || readQuietly(`/proc/${pid}/environ`).includes(`FORNAX_RUN=${run}`));
};

/** Reads whatever it can of every process and of the platform's folder, and tries to signal and to trace. */
const attackOn = (dataDir: string, pids: readonly string[]): string => `
echo "uid $(id -u) groups $(id -G)"
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
find '${dataDir}' -type f 2>/dev/null -exec cat {} + | head -c 1000000
for pid in ${pids.join(' ')}; do
  kill -0 $pid 2>/dev/null && [ "$(tr -d '\\0' < /proc/$pid/comm 2>/dev/null)" = node ] && echo "may signal $pid"
  head -c 1 /proc/$pid/mem 2>/dev/null && echo "opens the memory of $pid"
  ls /proc/$pid/fd >/dev/null 2>&1 && [ "$(cat /proc/$pid/comm 2>/dev/null)" = node ] && echo "lists the files of $pid"
done
true
`;

const GONE = /^The bucket for results, results-[^,]*, does not exist any more$/;

const suite = (name: string, level: string | undefined): void =>
  describe(name, () => {
    let own: RunningPlatform | undefined;
    let target: Target & Pick<RunningPlatform, 'dataDir' | 'storageUrl' | 'clientEnv'> = shared;
    let secrets: readonly string[] = [];
    beforeAll(async () => {
      if (level !== undefined) own = await startPlatform({ env: { FORNAX_NODE_SANDBOX: level } });
      target = own ?? shared;
      secrets = await secretsOf(target.dataDir);
    }, 180_000);
    afterAll(() => own?.stop(), 60_000);

    it('finds no secret in the environment or the arguments of any process of the platform', async () => {
      const pids = await processesOf(target.dataDir);
      expect(pids.length).toBeGreaterThan(4);
      expect(secrets.length).toBeGreaterThan(4);
      const leaks = pids.flatMap((pid) => {
        const seen = readQuietly(`/proc/${pid}/environ`) + readQuietly(`/proc/${pid}/cmdline`);
        const found = secrets.filter((secret) => seen.includes(secret)).length;
        return found === 0 ? [] : [`${readQuietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}: ${found}`];
      });
      expect(leaks).toEqual([]);
    });

    it('reads no secret from inside an instance, and reaches no process of the platform', async () => {
      const output = await runScript(target, attackOn(target.dataDir, await processesOf(target.dataDir)));
      expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
      // The script itself is in what it prints, with the name of a variable where a process id would be.
      expect(output.match(/(may signal|opens the memory of|lists the files of) \d+/g)).toBeNull();
      if (process.getuid?.() === 0) expect(output).toMatch(/uid (2\d{5}|5\d{4}) groups \1\b/);
    }, 90_000);

    it.each([
      ['', { errors: [{ code: 'FX-RESULT', message: expect.stringMatching(GONE) }] }],
      ['exit 4', { errors: [{ code: 'FX-EXIT' }] }],
    ])(
      'ends as a failure that is told, once and as its own, when it deletes the bucket of its results: %j',
      async (then, expected) => {
        const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = target.clientEnv;
        const s3 = new S3Client({ endpoint: target.storageUrl, accessKey, secretKey });
        const [results, gate] = [`results-${randomUUID()}`, `gate-${randomUUID()}`];
        try {
          for (const bucket of [results, gate]) await s3.createBucket(bucket);
          const script = `echo made > made; echo ready; until [ -e go ]; do sleep 0.1; done; ${then}`;
          const uuid = await submitScript(target, script, {}, { resultBucket: results, resourceBuckets: [gate] });
          await eventually(async () => (await ask(target, 'GET', `/tasks/${uuid}/stdout`)).includes('ready'), {
            timeoutMs: 60_000,
          });
          await s3.deleteBucket(results);
          await s3.putObject(gate, 'go', '');
          // What it prints may be there before it is known to run.
          await eventually(async () => (await ask(target, 'PATCH', `/tasks/${uuid}`)) !== undefined);
          expect(await endOf(target, uuid)).toBe('Failure');
          const task = JSON.parse(await ask(target, 'GET', `/tasks/${uuid}`)) as object;
          expect(task).toMatchObject({ completedInstances: [{ executionAttemptCount: 1 }], ...expected });
          // Beside the command's own failure it is a note.
          expect(JSON.stringify(task)).toContain(`The bucket for results, ${results}, does not exist any more`);
          const lines = JSON.parse(await ask(target, 'GET', `/fornax/v1/billing/tasks/${uuid}/lines`)) as object;
          expect(lines).toMatchObject({ lines: [{ attempt: 1, outcome: 'failure', cause: 'user' }] });
        } finally {
          s3.close();
        }
      },
      120_000,
    );
  });

suite('an attacker in a platform as it comes', undefined);
// The level that is not the one of a platform as it comes.
const other = process.getuid?.() === 0 ? 'bubblewrap' : 'unshare';
suite(`an attacker in a platform at level ${other}`, other);
// As an ordinary user an instance shares its user with the agent at this level: that is what its warning says.
if (process.getuid?.() === 0) suite('an attacker in a platform at level process', 'process');
