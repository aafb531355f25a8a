import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const task = (n: number) => ({ taskId: `task-${n}`, objects: 1, bytes: 10, staged: 4, manifests: 3, output: 3 });
const usage = {
  buckets: [{ name: 'renders', owner: 'ada', objects: 2, bytes: 100, uploadParts: 1, uploadBytes: 5 }],
  tasks: Array.from({ length: 22 }, (_, n) => task(n)),
  moreTasks: { tasks: 3, objects: 3, bytes: 1 },
  kinds: [{ kind: 'objects', objects: 2, bytes: 100 }],
  total: { objects: 28, bytes: 326 },
};
const disk = {
  kinds: [
    { kind: 'objects', bucket: 'renders', files: 2, bytes: 900 },
    { kind: 'missing', files: 1, bytes: 7 },
  ],
  total: { files: 2, bytes: 900 },
  indexedBytes: 326,
};

const reconciled = { buckets: 9, differences: [{ bucket: 'renders', objects: -3, bytes: 120 }] };

describe('fornax storage usage', () => {
  const platform = cannedPlatform({
    answers: {
      'GET /fornax/v1/buckets/usage': [200, usage],
      'GET /fornax/v1/buckets/usage/disk': [200, disk],
      'POST /fornax/v1/buckets/usage/reconcile': [200, reconciled],
    },
  });
  const { fornax } = platform;
  beforeAll(platform.start);
  afterAll(platform.stop);

  it('prints buckets, the largest tasks and kinds, and says how much it does not name', async () => {
    const { code, stdout } = await fornax('storage', 'usage');
    expect(code).toBe(0);
    expect(stdout).toMatch(/renders +2 +100 +1 +5/);
    expect(stdout).toMatch(/task-19 +1 +10 +4 +3 +3/);
    expect(stdout).not.toContain('task-20');
    expect(stdout).toContain('5 more tasks with 21 bytes');
    expect(stdout).toMatch(/total +28 +326/);
  });

  it('says what is on disk, and the difference; files that are missing are no success', async () => {
    const { code, stdout } = await fornax('storage', 'usage', '--disk');
    expect(code).toBe(1);
    expect(stdout).toMatch(/objects +renders +2 +900/);
    expect(stdout).toContain('the difference of 574 bytes');
    expect(stdout).toContain('1 files with 7 bytes are missing');
  });

  it('prints all of it as JSON, and explains itself', async () => {
    expect(JSON.parse((await fornax('storage', 'usage', '--json', '--disk')).stdout)).toEqual({ ...usage, disk });
    expect((await fornax('storage', 'usage', '--help')).stdout).toContain('what quotas count');
  });

  it('says which counters were wrong, and by how much', async () => {
    const { code, stdout } = await fornax('storage', 'reconcile');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/renders +-3 +120/)]);
    expect(stdout).toContain('9 buckets compared; the counters of 1 were wrong');
    expect(JSON.parse((await fornax('storage', 'reconcile', '--json')).stdout)).toEqual(reconciled);
  });
});
