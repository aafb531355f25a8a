import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDocument } from './job-file.js';

describe('a document of a job on disk', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-job-file-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const read = async (text: string): Promise<unknown> => {
    const path = join(folder, 'job.yaml');
    await writeFile(path, text);
    return (await openDocument(path)).body;
  };

  it('is YAML, or JSON, with parts that stand for others', async () => {
    expect(await read('name: a\ntasks:\n  - &one { name: x }\n  - *one\n')).toEqual({
      name: 'a',
      tasks: [{ name: 'x' }, { name: 'x' }],
    });
    expect(await read('{"name": "a"}')).toEqual({ name: 'a' });
  });

  it('has to be there', async () => {
    await expect(openDocument(join(folder, 'none.yaml'))).rejects.toThrow(/none\.yaml cannot be read: .*ENOENT/);
  });

  it('may come from the standard input', async () => {
    expect((await openDocument('-', Readable.from(['name: a']))).body).toEqual({ name: 'a' });
    await expect(openDocument('-', Readable.from(['{']))).rejects.toThrow(/^The standard input cannot be read as YAML/);
  });

  it.each([
    ["name: !!js/function 'x'", /cannot be read as YAML: Unresolved tag/],
    ['tasks: &t [{ labels: *t }]', /an alias stands for something that it is a part of$/],
    ['name: a\nname: b', /cannot be read as YAML: Map keys must be unique/],
    [`a: &a [${'x, '.repeat(50)}]\nb: [${'*a, '.repeat(150)}]`, /cannot be read as YAML: Excessive alias count/],
  ])('is refused when it says what nobody can know (%#)', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
});
