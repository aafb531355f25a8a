import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, oncePerRun } from '@fornax/testing';
import { type S3Service, provideVersitygw, startVersitygw } from '@fornax/testing/versitygw';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kill } from './nemesis/fault.js';
import { type S3Relay, startS3Relay } from './nemesis/s3-relay.js';
import { s3Of } from './nemesis/s3-of.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const run = promisify(execFile);
const DISK_BYTES = 700_000_000;
/** Two parts of a node's upload, and a bit. */
const LARGE_BYTES = 140_000_000;
const SMALL_BYTES = 1_000_000;
const BUCKET = 'store-results';
const PATIENCE = { timeoutMs: 200_000 };
const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
/** The first run has to build it. */
const BUILD_MS = 15 * 60_000;

const program = await oncePerRun('versitygw', BUILD_MS, () =>
  provideVersitygw({ say: (text) => console.error(text) }),
).catch((error: unknown) => {
  // tools/test.mjs looks for this line and says at the end what was not tried.
  console.error(`NOT-TRIED-ON-AN-S3-SERVICE: ${error instanceof Error ? error.message : String(error)}`);
});

interface TaskView {
  readonly state: string;
  readonly notes: readonly string[];
  readonly errors: readonly { readonly code: string; readonly message: string }[];
  readonly fornax: { readonly waitingReason: string | null };
}
interface Line {
  readonly attempt: number;
  readonly outcome: string;
  readonly cause: string | null;
  readonly billedMs: number;
}

/** A platform whose objects lie on a server that is not ours, with a disk of its own, and a relay on the way there. */
class StoreBed {
  private constructor(
    readonly service: S3Service,
    readonly relay: S3Relay,
    readonly bed: Testbed,
  ) {}

  static async open(env: Readonly<Record<string, string>> = {}): Promise<StoreBed> {
    const service = await startVersitygw(program ?? '', DISK_BYTES);
    const relay = await startS3Relay(service.url);
    const { accessKey, secretKey } = service.keys;
    const keys = { FORNAX_S3_ACCESS_KEY: accessKey, FORNAX_S3_SECRET_KEY: secretKey };
    const bed = await Testbed.open({
      seed,
      env: { FORNAX_OBJECTS: 's3', FORNAX_S3_ENDPOINT: relay.url, ...keys, ...env },
    });
    return new StoreBed(service, relay, bed);
  }

  async close(): Promise<void> {
    await this.bed.close();
    await this.relay.close();
    await this.service.stop();
  }

  /** @returns the task, whose one result has so many bytes */
  async submit(name: string, bytes: number): Promise<string> {
    const { uuid } = await call<{ readonly uuid: string }>(this.bed.platform, 'POST', '/tasks', {
      name,
      profile: 'docker-batch',
      instanceCount: 1,
      resultBucket: BUCKET,
      resultsBucketPrefix: name,
      constants: [{ key: 'DOCKER_CMD', value: `sh -c 'head -c ${bytes} /dev/urandom > out; md5sum < out'` }],
    });
    return uuid;
  }

  task(uuid: string): Promise<TaskView> {
    return insist(() => call<TaskView>(this.bed.platform, 'GET', `/tasks/${uuid}`), `read ${uuid}`);
  }

  /** Until the task waits for its results, and says why. @returns the reason */
  async reason(uuid: string): Promise<string> {
    return eventually(async () => {
      const { state, fornax, notes } = await this.task(uuid);
      const said = fornax.waitingReason;
      return state === 'UploadingResults' && said !== null && notes.some((note) => note.includes(said))
        ? said
        : undefined;
    }, PATIENCE);
  }

  async ended(uuid: string): Promise<TaskView> {
    return eventually(async () => {
      const view = await this.task(uuid);
      return ['Success', 'Failure', 'Cancelled'].includes(view.state) ? view : undefined;
    }, PATIENCE);
  }

  async lines(uuid: string): Promise<readonly Line[]> {
    const path = `/fornax/v1/billing/tasks/${uuid}/lines`;
    return (await insist(() => call<{ readonly lines: readonly Line[] }>(this.bed.platform, 'GET', path), 'bill'))
      .lines;
  }

  /** MD5 of what is in the bucket, and of what the command said that it wrote. */
  async sums(uuid: string, name: string): Promise<readonly [string, string]> {
    const s3 = s3Of(this.bed);
    try {
      const bytes = await s3.getBytes(BUCKET, `${name}/out`);
      const response = await fetch(`${this.bed.platform.apiUrl}/tasks/${uuid}/stdout`, {
        headers: { authorization: this.bed.platform.token },
      });
      const [said = ''] = /[0-9a-f]{32}/.exec(await response.text()) ?? [];
      return [createHash('md5').update(bytes).digest('hex'), said];
    } finally {
      s3.close();
    }
  }
}

/** Something that is wrong with the store for a while. */
interface Fault {
  readonly what: string;
  /** Of the result that it meets. */
  readonly bytes: number;
  readonly strike: () => unknown;
  readonly heal: () => unknown;
}

/** Results wait with a reason while the fault lasts, are stored whole afterwards, and nobody pays for the wait. */
const outlasts = async (store: StoreBed, { what, bytes, strike, heal }: Fault): Promise<void> => {
  const name = what.replaceAll(' ', '-');
  // A bucket that is there, and a task that needs nothing else of the store.
  expect((await store.ended(await store.submit(`${name}-before`, 10))).state).toBe('Success');
  store.bed.note(`the store ${what}`);
  const waitedFrom = performance.now();
  let uuid: string;
  try {
    await strike();
    uuid = await store.submit(name, bytes);
    store.bed.note(`waits: ${await store.reason(uuid)}`);
    // Longer than the command took, by far.
    await eventually(async () => performance.now() - waitedFrom > 10_000, PATIENCE);
    expect((await store.task(uuid)).state).toBe('UploadingResults');
  } finally {
    await heal();
  }
  const { state, errors } = await store.ended(uuid);
  expect([state, errors]).toEqual(['Success', []]);
  const [stored, said] = await store.sums(uuid, name);
  expect(stored).toBe(said);
  const lines = await store.lines(uuid);
  expect(lines).toMatchObject([{ attempt: 1, outcome: 'success' }]);
  expect(lines[0]?.billedMs).toBeLessThan(10_000);
};

const onRunning = program === undefined ? describe.skip : describe;

onRunning('results whose store fails', () => {
  let store: StoreBed;
  beforeAll(async () => {
    store = await StoreBed.open();
  });
  afterAll(() => store.close());

  /** In the mount namespace of the store. */
  const remount = (how: 'ro' | 'rw'): Promise<unknown> => {
    const { pid, folder } = store.service;
    const inside = folder.replace(`/proc/${pid}/root`, '');
    const words = ['--target', String(pid), '--mount', 'mount', '-o', `remount,${how}`, inside];
    // Not while a file is open for writing there.
    return insist(() => run('nsenter', words), `remount ${how}`);
  };
  const fill = async (): Promise<void> => {
    const file = await open(join(store.service.folder, 'filler'), 'w');
    try {
      for (;;) await file.write(Buffer.alloc(1024 * 1024));
    } catch (error) {
      // An error of Node.js is none of Jest's `Error`.
      if (typeof error !== 'object' || error === null || !('code' in error) || error.code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  };

  const faults: readonly Fault[] = [
    {
      what: 'answers 500 half-way through an upload in parts',
      bytes: LARGE_BYTES,
      strike: () => store.relay.decide((_, path) => (/[?&]partNumber=2&/.test(path) ? 'fail' : 'hand on')),
      heal: () => store.relay.heal(),
    },
    {
      what: 'is full',
      bytes: SMALL_BYTES,
      strike: fill,
      heal: () => rm(join(store.service.folder, 'filler')),
    },
    { what: 'is read-only', bytes: SMALL_BYTES, strike: () => remount('ro'), heal: () => remount('rw') },
    {
      what: 'is away',
      bytes: SMALL_BYTES,
      strike: () => store.relay.decide(() => 'cut'),
      heal: () => store.relay.heal(),
    },
  ];
  it.each(faults)(
    'wait with a reason while it $what, are stored whole afterwards, and the wait is not billed',
    (fault) => outlasts(store, fault),
  );

  it('begin anew, whole and once, when their node is killed in the middle of them', async () => {
    const name = 'killed';
    store.relay.decide((_, path) => (/[?&]partNumber=2&/.test(path) ? 'hold' : 'hand on'));
    const uuid = await store.submit(name, LARGE_BYTES);
    await eventually(() => store.relay.kept > 0, PATIENCE);
    expect((await store.task(uuid)).state).toBe('UploadingResults');
    await kill('node-1').inject(store.bed);
    store.relay.heal();
    const { state, errors } = await store.ended(uuid);
    expect([state, errors]).toEqual(['Success', []]);
    const [stored, said] = await store.sums(uuid, name);
    expect(stored).toBe(said);
    expect(await store.lines(uuid)).toMatchObject([
      { attempt: 1, outcome: 'failure', cause: expect.stringMatching(/^(node-lost|platform)$/), billedMs: 0 },
      { attempt: 2, outcome: 'success' },
    ]);
    // Nothing of the first attempt stays, nor of its upload in parts.
    await eventually(async () => {
      const usage = await call<Usage>(store.bed.platform, 'GET', '/fornax/v1/buckets/usage');
      const staged = usage.tasks.find(({ taskId }) => taskId === uuid)?.staged ?? 0;
      const uploads = usage.buckets.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0);
      return staged + uploads === 0;
    }, PATIENCE);
  });
});

interface Usage {
  readonly tasks: readonly { readonly taskId: string; readonly staged: number }[];
  readonly buckets: readonly { readonly uploadBytes: number }[];
}

onRunning('results whose store is silent', () => {
  let store: StoreBed;
  beforeAll(async () => {
    // By itself it takes two minutes until somebody says so.
    store = await StoreBed.open({ FORNAX_NODE_STORAGE_SILENCE_MS: '15000' });
  });
  afterAll(() => store.close());

  it('wait with a reason from the middle of an upload in parts on, are stored whole afterwards, and the wait is not billed', () =>
    outlasts(store, {
      what: 'answers nothing half-way through an upload in parts',
      bytes: LARGE_BYTES,
      strike: () => store.relay.decide((_, path) => (/[?&]partNumber=2&/.test(path) ? 'hold' : 'hand on')),
      heal: () => store.relay.heal(),
    }));
});

onRunning('results whose store stays away', () => {
  let store: StoreBed;
  beforeAll(async () => {
    store = await StoreBed.open({ FORNAX_NODE_RESULTS_PATIENCE_MS: '4000' });
  });
  afterAll(() => store.close());

  it('end their task as a failure of the platform, which says so and costs nothing', async () => {
    expect((await store.ended(await store.submit('before', 10))).state).toBe('Success');
    store.relay.decide((method) => (method === 'PUT' || method === 'POST' ? 'fail' : 'hand on'));
    let uuid: string;
    try {
      uuid = await store.submit('away', SMALL_BYTES);
      const { state, errors } = await store.ended(uuid);
      expect(state).toBe('Failure');
      expect(errors).toMatchObject([{ code: 'FX-NODE', message: expect.stringContaining('did not take the results') }]);
    } finally {
      store.relay.heal();
    }
    for (const line of await store.lines(uuid)) {
      expect(line).toMatchObject({ outcome: 'failure', cause: 'platform' });
      expect(line.billedMs).toBeLessThan(4_000);
    }
  });
});
