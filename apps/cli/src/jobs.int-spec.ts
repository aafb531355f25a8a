import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const errors = {
  shade: ['There is no such field.'],
  'tasks[0].command': ['The value must be a text.'],
  'tasks[1].after[0]': ['There is no task b in the document.'],
};
const platform = cannedPlatform({
  answers: {
    'POST /fornax/v1/jobs': [400, { message: 'shade: There is no such field.', errors }],
    'POST /fornax/v1/jobs/j/retry': [200, { uuid: 'k' }],
    'POST /fornax/v1/jobs/j/clone': [400, { message: 'pool: The pool p takes no new tasks.', errors: {} }],
  },
});
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-jobs-'));
  await platform.start();
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  platform.asked.length = 0;
  platform.bodies.length = 0;
});
const fornax = (line: string) => platform.fornax(...line.split(' '));

describe('fornax job', () => {
  it('names all that is wrong with a document, by its lines', async () => {
    const file = join(folder, 'job.yaml');
    await writeFile(file, 'name: j\ntasks:\n  - name: a\n    command: 3\n  - { name: c, after: [b] }\nshade: 1\n');
    const { code, stdout, stderr } = await fornax(`job submit ${file}`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trim().split('\n')).toEqual([
      `${file}:6: shade: There is no such field.`,
      `${file}:4: tasks[0].command: The value must be a text.`,
      `${file}:5: tasks[1].after[0]: There is no task b in the document.`,
    ]);
  });

  it('runs again in another pool', async () => {
    const again = await fornax('job retry j --pool p --reason moved');
    expect([again.code, again.stdout]).toEqual([0, 'k\n']);
    const asked = platform.asked.find(({ what }) => what === 'POST /fornax/v1/jobs/j/retry');
    expect([platform.bodies.at(-1), asked?.headers['fornax-reason']]).toEqual([{ pool: 'p' }, 'moved']);
    const closed = await fornax('job clone j');
    expect([closed.code, closed.stderr]).toEqual([1, 'pool: The pool p takes no new tasks. (HTTP 400)\n']);
  });
});
