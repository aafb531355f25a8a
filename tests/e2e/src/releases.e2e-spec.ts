import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningPlatform, eventually, startPlatform } from '@fornax/testing';
import { RELEASES, RELEASE_SETTINGS, unpackRelease } from '@fornax/testing/releases';
import { clientsOf } from './clients.js';

interface Expected {
  readonly answers: Readonly<Record<string, { readonly status: number; readonly body: unknown }>>;
  readonly objects: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<'good' | 'bad' | 'aborted', string>>;
  /** A webhook whose receiver has taken everything; folders of before have none. */
  readonly delivered?: string;
}

interface Delivered {
  readonly id: string;
  readonly position: number;
  readonly lastDeliveryAt: string;
}

/** Tells of the moment of the answer, or of deliveries that are tried again until the webhook is parked. */
const PASSING = ['timestamp', 'lastUpdateTimestamp', 'lastUsedAt', 'position', 'failures', 'failingSince', 'lastError'];
const OF_WEBHOOKS = ['state', 'lastDeliveryAt', 'parkedAt', 'parkedReason', 'parkedSequence'];
/** Output that was not archived is kept for a week. */
const isKept = (path: string): boolean => !path.endsWith('/stdout');
/** Means something else since 2026-11-25, on purpose (CHANGELOG): what was not done is no progress, and a frequency that nobody measured is the nominal one. */
const CHANGED = ['progress', 'executionProgress', 'uploadProgress', 'clusterPowerIndicator'];
const LEFT_OUT: ReadonlySet<string> = new Set([...PASSING, ...CHANGED]);
/** Events are shown in the version of today, whatever they were stored in. */
const OF_EVENTS = ['version'];
const leftOutOf = (path: string): ReadonlySet<string> => {
  if (path.endsWith('/webhooks')) return new Set([...LEFT_OUT, ...OF_WEBHOOKS]);
  return path.endsWith('/events') ? new Set([...LEFT_OUT, ...OF_EVENTS]) : LEFT_OUT;
};

/** Decimal places to which amounts are the same: fractions of a micro-euro are kept since 2026-11-27 (ADR 0091), and were dropped in each line before. */
const AMOUNTS: ReadonlyMap<string, number> = new Map([
  ['credits', 5],
  ['totalMicros', -1],
  ['amountMicros', -1],
]);

/** A note of the platform that says the same in other words since 2026-11-28: nodes may run images without an engine (ADR 0154). */
const reworded = (text: string): string =>
  text.replace(/^No container engine is configured: /, 'Images are not run here (FORNAX_IMAGES=host): ');

/** Everything that was there is there; what a later release adds does not matter. */
const asBefore = (body: unknown, leftOut = LEFT_OUT): unknown => {
  if (Array.isArray(body)) return body.map((one) => asBefore(one, leftOut));
  if (typeof body === 'string') return reworded(body);
  if (typeof body !== 'object' || body === null) return body;
  const kept = Object.entries(body).filter(([name]) => !leftOut.has(name));
  const fieldOf = (name: string, value: unknown): unknown => {
    const digits = AMOUNTS.get(name);
    return digits === undefined || typeof value !== 'number' ? asBefore(value, leftOut) : expect.closeTo(value, digits);
  };
  return expect.objectContaining(Object.fromEntries(kept.map(([name, value]) => [name, fieldOf(name, value)])));
};

it('has folders of releases to start on', () => expect(RELEASES.length).toBeGreaterThan(0));

describe.each(RELEASES)('the data folder %s', (release) => {
  let folder: string;
  let expected: Expected;
  let platform: RunningPlatform;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-release-'));
    expected = (await unpackRelease(release, folder)) as Expected;
    platform = await startPlatform({ dataDir: folder, env: RELEASE_SETTINGS });
  });
  afterAll(async () => {
    await platform?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const get = async (path: string) => {
    const response = await fetch(`${platform.apiUrl}${path}`, { headers: { authorization: platform.token } });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
  };

  it('shows what its release showed', async () => {
    await eventually(async () => (await clientsOf(platform).api.projections.list()).every(({ lag }) => lag === 0), {
      timeoutMs: 60_000,
    });
    const paths = Object.keys(expected.answers).filter(isKept);
    const shown: Record<string, unknown> = {};
    for (const path of paths) shown[path] = await get(path);
    const before = Object.entries(expected.answers)
      .filter(([path]) => isKept(path))
      .map(([path, { status, body }]) => [path, { status, body: asBefore(body, leftOutOf(path)) }]);
    expect(before.length).toBeGreaterThan(10);
    expect(shown).toEqual(Object.fromEntries(before));
    const { s3 } = clientsOf(platform);
    for (const [key, text] of Object.entries(expected.objects))
      expect((await s3.getBytes('results', key)).toString()).toBe(text);
    s3.close();
  });

  it('delivers nothing again that was taken, and keeps what was printed', async () => {
    const { delivered, answers, tasks } = expected;
    if (delivered === undefined) return;
    const find = (body: unknown): Delivered | undefined =>
      (body as readonly Delivered[]).find(({ id }) => id === delivered);
    const before = find(answers['/fornax/v1/webhooks']?.body);
    const now = find((await get('/fornax/v1/webhooks')).body);
    // Nobody listens any more: a message that is sent again would have failed.
    expect(now).toMatchObject({ lastDeliveryAt: before?.lastDeliveryAt, failures: 0, lastError: null });
    expect(now?.position).toBeGreaterThanOrEqual(before?.position ?? Infinity);
    const printed = `/tasks/${tasks.good}/stdout`;
    expect((await get(printed)).body).toBe(answers[printed]?.body);
  });

  it('has rows as they would be folded now', async () => {
    const { api } = clientsOf(platform);
    for (const { name } of await api.projections.list())
      expect({ name, ...(await api.projections.rebuild(name, { verify: true })) }).toMatchObject({
        name,
        differences: [],
      });
  });

  it('goes on: a new task runs, and one of before is deleted', async () => {
    const { api } = clientsOf(platform);
    const id = await api.submitTask({
      name: 'new',
      profile: 'docker-batch',
      instanceCount: 1,
      resultBucket: 'results',
      constants: [{ key: 'DOCKER_CMD', value: 'echo new' }],
    });
    expect((await api.waitForTask(id)).state).toBe('Success');
    await api.deleteTask(expected.tasks.bad);
    expect((await api.listTasks()).map(({ name }) => name).sort()).toEqual(['aborted', 'good', 'new']);
  });
});
