import { watch } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient } from '@fornax/client';
import { between, eventually } from '@fornax/testing';
import { auditFaults, projectionFaults, taskFaults } from './invariants.js';
import { signal } from './processes.js';
import { heardOn, type Sight } from './testbed/sights.js';
import { Testbed } from './testbed/testbed.js';
import { type Acknowledged, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const PATIENT = { timeoutMs: 120_000 };
const SLOW_MS = 300_000;
/** Commits that are put back before whoever puts them back is killed. */
const SOME = 20;

describe(`kill -9 of whoever archives the log (seed ${seed})`, () => {
  const acknowledged: Acknowledged[] = [];
  let bed: Testbed;

  const client = (): FornaxClient => new FornaxClient({ url: bed.platform.apiUrl, token: bed.platform.token });
  const submitSome = async (): Promise<void> => {
    for (let n = 0; n < 3; n += 1) {
      const key = `archived-${seed}-${acknowledged.length}`;
      const uuid = await bed.insistOn({ key, instances: 1, lastsMs: 50 });
      acknowledged.push({ uuid, key, instances: 1 });
    }
  };

  const heard = (subject: string, count = 1): Promise<Sight> => heardOn(bed, subject, count);
  /** The first sign of a new file among the objects. */
  const written = (kind: 'change' | 'rename'): Promise<Sight> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watcher = watch(join(bed.dataDir, 'objects'), { recursive: true }, (event) => event === kind && resolve());
    return Promise.resolve({ seen: promise, stop: async () => watcher.close() });
  };
  const anyMoment = (): Promise<Sight> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, between(bed.random, [0, 600]));
    return Promise.resolve({ seen: promise, stop: async () => clearTimeout(timer) });
  };

  /** Kills the storage service as soon as something is seen, which has to be, and waits until another one runs. */
  const killAt = async (sight: Sight, meanwhile: () => Promise<unknown>): Promise<void> => {
    const pid = await bed.pid('storage');
    const work = meanwhile();
    await sight.seen;
    expect(signal(pid, 'SIGKILL')).toBe(true);
    bed.strike('kill -9 storage');
    await sight.stop();
    await insist(async () => {
      if ((await bed.pid('storage')) === pid) throw new Error('it is not started again yet');
    }, 'storage runs again');
    await work;
  };

  /** Until nothing is written any more, and what was is archived. */
  const settled = async (): Promise<number> => {
    let last = '';
    let since = performance.now();
    const { segments } = await eventually(async () => {
      const state = await client()
        .log.archive()
        .catch(() => undefined);
      if (state === undefined) return false;
      const { segments: count, to, head } = state;
      if (last !== `${count}/${to}/${head}`) [last, since] = [`${count}/${to}/${head}`, performance.now()];
      return count > 0 && performance.now() - since > 2_000 && state;
    }, PATIENT);
    return segments;
  };
  const verified = async (): Promise<{ readonly segments: number; readonly findings: readonly unknown[] }> => {
    let segments = 0;
    const findings: unknown[] = [];
    for (let from: { readonly after?: string } = {}; ;) {
      const part = await insist(() => client().log.verifyArchive(from), 'the archive is verified');
      segments += part.segments;
      findings.push(...part.findings);
      if (part.next === null) return { segments, findings };
      from = { after: part.next };
    }
  };

  beforeAll(async () => {
    const env = {
      FORNAX_SERVICES: '1',
      FORNAX_LOG_ARCHIVE_AFTER_MS: '20',
      FORNAX_LOG_ARCHIVE_SEGMENT_BYTES: '2000',
      FORNAX_LOG_ARCHIVE_LEADER_TTL_MS: '500',
    };
    bed = await Testbed.open({ seed, env });
  }, SLOW_MS);
  afterAll(() => bed.close(), SLOW_MS);

  it.each([
    ['when an object has been begun', () => written('change')],
    ['when an object has got its name', () => written('rename')],
    ['when a note of a segment is on its way to the log', () => heard('fx.ev.log-archive.log')],
    ['when the third note is', () => heard('fx.ev.log-archive.log', 3)],
    ['at any moment', anyMoment],
    ['at any other moment', anyMoment],
  ])(
    'archives each commit once when it is killed %s',
    async (_, look) => {
      await killAt(await look(), submitSome);
      const segments = await settled();
      expect(await verified()).toEqual({ segments, findings: [] });
    },
    SLOW_MS,
  );

  it(
    'puts the log back after a restart on an empty one, although it is killed while it does',
    async () => {
      expect(await taskFaults(bed.platform, acknowledged)).toEqual([]);
      await settled();
      const before = { tasks: await client().listTasks(), log: (await client().log.state()).log };
      await bed.restart({
        ends: 'power cut',
        change: () => rm(join(bed.dataDir, 'nats'), { recursive: true }),
        awaits: 'answers',
      });
      await eventually(
        async () =>
          (
            await client()
              .log.state()
              .catch(() => undefined)
          )?.isRight === false,
        PATIENT,
      );
      await killAt(await heard('fx.restoring.>', SOME), () => bed.fornax('log', 'restore'));
      await eventually(async () => (await bed.fornax('log', 'restore')).code === 0, PATIENT);
      await bed.untilReady();
      expect((await client().log.state()).log?.split('/')[0]).toBe(before.log?.split('/')[0]);
      expect(await client().listTasks()).toEqual(before.tasks);
      expect(await taskFaults(bed.platform, acknowledged)).toEqual([]);
      expect(await projectionFaults(bed.platform)).toEqual([]);
      expect(await auditFaults(bed.platform)).toEqual([]);
      await submitSome();
      expect(await taskFaults(bed.platform, acknowledged)).toEqual([]);
      const segments = await settled();
      expect(await verified()).toEqual({ segments, findings: [] });
    },
    SLOW_MS,
  );
});
