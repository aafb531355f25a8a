import { createHash } from 'node:crypto';
import { S3Client } from '@fornax/s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditFaults, projectionFaults } from './invariants.js';
import { kill } from './nemesis/fault.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const INTERVAL_S = 2;
const STEP_MS = 50;
const STEPS = 500;
const ROUNDS_OF_STEP = 1_000;
const KILLS = 3;
/** Of the program that saves its state by itself: so many steps a run. Many short runs would wait for each other, longer each time. */
const STEPS_OF_RUN = 100;
const EXIT_CODE = 85;
/** A snapshot takes a moment, and so does whatever is said of it, on a machine that others use. */
const SLACK_MS = 4_000;

/** Each step needs the one before: whoever loses or repeats one with another state ends with something else. */
const PROGRAM = `
import hashlib, json, os, time
x, n = b"seed", 0
if os.path.exists("state.json"):
    s = json.load(open("state.json"))
    x, n = bytes.fromhex(s["x"]), s["n"]
print("begin", n, os.environ.get("QARNOT_SNAPSHOT_ID", "-"), os.environ["QARNOT_ATTEMPT"], flush=True)
last = n + int(os.environ.get("STEPS_OF_RUN", ${STEPS}))
while n < min(last, ${STEPS}):
    for _ in range(${ROUNDS_OF_STEP}): x = hashlib.sha256(x).digest()
    n += 1
    with open("next", "w") as f: json.dump({"n": n, "x": x.hex()}, f)
    os.rename("next", "state.json")
    print("step", n, flush=True)
    time.sleep(${STEP_MS / 1_000})
if n < ${STEPS}: raise SystemExit(${EXIT_CODE})
with open("final", "w") as f: f.write(x.hex())
`;

const undisturbed = (): string => {
  let x: Uint8Array = Buffer.from('seed');
  for (let n = 0; n < STEPS * ROUNDS_OF_STEP; n += 1) x = createHash('sha256').update(x).digest();
  return Buffer.from(x).toString('hex');
};

interface Beginning {
  readonly step: number;
  readonly snapshotId: string;
}

/** Two ways to have snapshots, and what is repeated of each at most: an interval of time, and what snapshots and tellings of it take; or, strictly, a run. */
const WAYS = [
  {
    name: 'that is copied every so often',
    bucket: 'resumed',
    constants: [],
    interval: INTERVAL_S,
    expectRepeated: (steps: number): void => expect(steps * STEP_MS).toBeLessThan(INTERVAL_S * 1_000 + SLACK_MS),
  },
  {
    name: 'that ends when it has saved its state',
    bucket: 'run-again',
    constants: [
      { key: 'STEPS_OF_RUN', value: String(STEPS_OF_RUN) },
      { key: 'SNAPSHOT_EXIT_CODE', value: String(EXIT_CODE) },
    ],
    interval: 0,
    expectRepeated: (steps: number): void => expect(steps).toBeLessThanOrEqual(STEPS_OF_RUN),
  },
] as const;

describe.each(WAYS)(`an iterative computation $name, whose node is killed (seed ${seed})`, (way) => {
  let bed: Testbed;
  let task: string;
  const begun: Beginning[] = [];

  const output = async (): Promise<string> => {
    const response = await fetch(`${bed.platform.apiUrl}/tasks/${task}/stdout/0`, {
      headers: { authorization: bed.platform.token, accept: 'text/plain' },
      signal: AbortSignal.timeout(20_000),
    });
    return response.text();
  };
  /** Where an attempt began: the output is that of the last one. */
  const beginningOf = (attempt: number): Promise<Beginning> =>
    insist(async () => {
      const [, step, snapshotId = '', told] = /^begin (\d+) (\S+) (\d+)$/m.exec(await output()) ?? [];
      if (Number(told) !== attempt) throw new Error(`attempt ${told} has begun`);
      return { step: Number(step), snapshotId };
    }, `attempt ${attempt} begins`);
  /** How far an attempt has come, as far as its output is here; 0 once there is that of another one. */
  const lastStepOf = async (attempt: number): Promise<number> => {
    const text = await output();
    const [, shown] = /^begin \d+ \S+ (\d+)$/m.exec(text) ?? [];
    if (Number(shown) !== attempt) return 0;
    return Math.max(0, ...[...text.matchAll(/^step (\d+)$/gm)].map(([, step]) => Number(step)));
  };
  const eventsOf = async <T>(type: string): Promise<readonly T[]> => {
    const { events } = await call<{ readonly events: readonly { readonly type: string; readonly data: T }[] }>(
      bed.platform,
      'GET',
      `/fornax/v1/tasks/${task}/events?limit=1000`,
    );
    return events.filter((event) => event.type === type).map(({ data }) => data);
  };

  beforeAll(async () => {
    bed = await Testbed.open({ seed, env: { FORNAX_SNAPSHOT_MIN_INTERVAL_S: String(INTERVAL_S) } });
    const body = {
      name: 'iterative',
      profile: 'docker-batch',
      instanceCount: 1,
      resultBucket: way.bucket,
      snapshotWhitelist: '^state\\.json$',
      constants: [{ key: 'DOCKER_CMD', value: `python3 -c '${PROGRAM}'` }, ...way.constants],
      fornax: { resumeFromSnapshot: 'latest' },
    };
    task = (await call<{ readonly uuid: string }>(bed.platform, 'POST', '/tasks', body)).uuid;
    await call(bed.platform, 'POST', `/tasks/${task}/snapshot/periodic`, { interval: way.interval });
  });

  afterAll(() => bed.close());

  it.each(Array.from({ length: KILLS }, (_, at) => at + 1))(
    'goes on from the latest snapshot after kill %i, with no more work repeated than one of them saves',
    async (round) => {
      if (round === 1) begun.push(await beginningOf(1));
      const before = (await eventsOf('SnapshotCompleted')).length;
      await insist(async () => {
        if ((await eventsOf('SnapshotCompleted')).length === before) throw new Error('none');
      }, 'a snapshot is completed');
      const seen = await lastStepOf(round);
      await kill('node-1').inject(bed);
      // What it had printed when it was killed comes a moment later.
      const killedAt = Math.max(seen, await lastStepOf(round));
      const next = await beginningOf(round + 1);
      begun.push(next);
      expect(next.snapshotId).toMatch(`snap_${task}_`);
      expect(next.step).toBeGreaterThan(0);
      way.expectRepeated(killedAt - next.step);
      if (way.interval === 0) expect(next.step % STEPS_OF_RUN).toBe(0);
    },
  );

  it('ends with the very result of an undisturbed run, and says where each attempt began', async () => {
    await insist(async () => {
      const { state } = await call<{ readonly state: string }>(bed.platform, 'GET', `/tasks/${task}`);
      if (state !== 'Success') throw new Error(`it is ${state}`);
    }, 'the task succeeds');
    const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = bed.platform.clientEnv;
    const s3 = new S3Client({ endpoint: bed.platform.storageUrl, accessKey, secretKey });
    try {
      expect((await s3.getBytes(way.bucket, 'final')).toString()).toBe(undisturbed());
    } finally {
      s3.close();
    }
    const started = await eventsOf<{ readonly leases: readonly { readonly snapshotId?: string }[] }>(
      'InstancesStarted',
    );
    const ids = begun.map(({ snapshotId }) => snapshotId);
    expect(started.flatMap(({ leases }) => leases.map(({ snapshotId = '-' }) => snapshotId))).toEqual(ids);
    const { notes } = await call<{ readonly notes: readonly string[] }>(bed.platform, 'GET', `/tasks/${task}`);
    expect(notes).toContain(`It began with the snapshot ${ids.at(-1)}`);
  });

  it('leaves a log and projections without a fault', async () => {
    expect(await auditFaults(bed.platform)).toEqual([]);
    expect(await projectionFaults(bed.platform)).toEqual([]);
  });
});
