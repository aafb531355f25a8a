import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { aPerson } from '../clients/people.js';
import { platform } from '../platform.js';
import { pythonPrograms } from './programs.js';

const LONGEST_MS = 90 * 60_000;
const SUITE_MS = 80 * 60_000;
const FILES = ['s3tests/functional/test_s3.py', 's3tests/functional/test_headers.py'];

interface Scope {
  /** Of features that are not there, and mostly slow. */
  readonly notRun: { readonly marks: readonly string[]; readonly names: readonly string[] };
  readonly reasons: readonly { readonly why: string; readonly tests: readonly string[] }[];
}

/** The suite's settings: users of its own, who may make many buckets. */
const settings = async (): Promise<string> => {
  const { port } = new URL(platform.storageUrl);
  const sections: string[] = [];
  for (const name of ['s3 main', 's3 alt', 's3 tenant', 'iam', 'iam root', 'iam alt root']) {
    const { uuid, email, token } = await aPerson({ quotas: { maxBuckets: 2_000 } });
    const lines = [`user_id = ${uuid}`, `email = ${email}`, `display_name = ${email}`, 'tenant = none'];
    sections.push(`[${name}]`, ...lines, `access_key = ${email}`, `secret_key = ${token}`);
  }
  const head = ['[DEFAULT]', 'host = localhost', `port = ${port}`, 'is_secure = False', 'ssl_verify = False'];
  return [...head, '[fixtures]', 'bucket prefix = s3t-{random}-', ...sections, ''].join('\n');
};

/** Names of the tests of a JUnit report, and whether each passed. */
const outcomesOf = (report: string): readonly (readonly [string, boolean])[] =>
  [...report.matchAll(/<testcase [^>]*?\bname="([^"]+)"[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, name = '', , inside = '']) => [name, !/<(failure|error|skipped)\b/.test(inside)] as const,
  );

describe('s3-tests of Ceph', () => {
  it(
    'hold, but for those that are out of scope',
    async () => {
      const suite = process.env['FORNAX_S3_TESTS'];
      if (suite === undefined)
        throw new Error(
          'No package registry has this suite: clone https://github.com/ceph/s3-tests and name its folder in FORNAX_S3_TESTS. `npm run test:s3 -- clients` runs the clients alone.',
        );
      const scope = JSON.parse(await readFile(new URL('out-of-scope.json', import.meta.url), 'utf8')) as Scope;
      const folder = await mkdtemp(join(tmpdir(), 'fornax-s3-tests-'));
      try {
        await writeFile(join(folder, 's3.conf'), await settings());
        const report = join(folder, 'report.xml');
        const but = (words: readonly string[]): string => `not (${words.join(' or ')})`;
        const options = ['-q', '--timeout=600', '-p', 'no:cacheprovider', '--tb=no', `--junitxml=${report}`];
        const chosen = ['-m', but(scope.notRun.marks), '-k', but(scope.notRun.names)];
        const env = { PATH: process.env['PATH'], HOME: folder, S3TEST_CONF: join(folder, 's3.conf') };
        const running = promisify(execFile)(join(await pythonPrograms(), 'pytest'), [...options, ...chosen, ...FILES], {
          cwd: suite,
          env,
          timeout: SUITE_MS,
          maxBuffer: 64 * 1024 * 1024,
        });
        running.child.stdout?.pipe(process.stderr);
        const ended = await running.catch((error: unknown) => error); // some fail: the report says which
        const outcomes = outcomesOf(
          await readFile(report, 'utf8').catch((cause: unknown) => {
            throw new Error(`the suite left no report: ${String(ended)}`, { cause });
          }),
        );
        const reasonOf = (name: string) =>
          scope.reasons.find(({ tests }) => tests.some((pattern) => new RegExp(pattern).test(name)));
        const failed = outcomes.filter(([, hasPassed]) => !hasPassed).map(([name]) => name);
        const counts = scope.reasons.map(
          (reason) => `${failed.filter((name) => reasonOf(name) === reason).length} ${reason.why}`,
        );
        console.error(
          [`${outcomes.length - failed.length} of ${outcomes.length} pass; the others:`, ...counts].join('\n'),
        );
        expect(outcomes.length).toBeGreaterThan(200);
        expect(failed.filter((name) => !reasonOf(name))).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    LONGEST_MS,
  );
});
