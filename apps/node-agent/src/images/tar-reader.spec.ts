import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { extract } from 'tar-stream';

import { entriesOf } from './tar-reader.js';

const LONG = Array.from({ length: 12 }, () => 'folder-of-a-tree').join('/');

/** Archives that the machine's `tar` makes, in each of its forms; another reader says what is in them. */
describe('the reader of archives', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-tar-'));
    await mkdir(join(folder, 'tree', LONG), { recursive: true });
    await writeFile(join(folder, 'tree', LONG, 'schön'), 'x'.repeat(2_000));
    await writeFile(join(folder, 'tree', 'empty'), '');
    await writeFile(join(folder, 'tree', 'block'), 'y'.repeat(1_024), { mode: 0o751 });
    await link(join(folder, 'tree', 'block'), join(folder, 'tree', 'same'));
    await symlink(`${LONG}/schön`, join(folder, 'tree', 'link'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(['ustar', 'gnu', 'pax'])('reads what %s has, in pieces of any length', async (format) => {
    // A link of more than 100 bytes does not go into the first form.
    const without = format === 'ustar' ? ['--exclude=link'] : [];
    const tar = ['-c', `--format=${format}`, '-C', join(folder, 'tree'), ...without, '.'];
    const stdout = await archiveOf(tar);
    const expected: unknown[] = [];
    const other = extract();
    Readable.from([stdout]).pipe(other as unknown as NodeJS.WritableStream);
    for await (const entry of other) {
      const { name, type, mode, linkname, size } = entry.header;
      const content = (await buffer(entry)).toString();
      expected.push({ name, type, mode, linkname: linkname ?? '', size, content });
    }
    expect(expected.length).toBeGreaterThan(15);
    for (const length of [1, 511, 10_000_000]) {
      const found: unknown[] = [];
      for await (const { content, ...header } of entriesOf(inPieces(stdout, length)))
        found.push({ ...header, content: (await buffer(Readable.from(content))).toString() });
      expect(found).toEqual(expected);
    }
  });

  it.each([
    // As Go's archive/tar has it, by which images are made: only before ustar a name said that.
    ['0', 'file', 600],
    ['\0', 'directory', 600],
    ['5', 'directory', 0],
  ])('of a name that ends in a slash and the kind %j is a %s, with what follows it', async (flag, type, follows) => {
    await mkdir(join(folder, `slash-${flag.charCodeAt(0)}`));
    const at = join(folder, `slash-${flag.charCodeAt(0)}`);
    await writeFile(join(at, 'file'), 'z'.repeat(600));
    await writeFile(join(at, 'last'), 'w');
    const whole = await archiveOf(['-c', '--format=ustar', '-C', at, 'file', 'last']);
    const header = Buffer.from(whole.subarray(0, 512));
    header.write('file/\0', 0, 'latin1');
    header.write(flag, 156, 'latin1');
    header.fill(' ', 148, 156);
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    // Nothing follows the header of a folder, whatever it says.
    const archive = Buffer.concat([header, whole.subarray(follows === 0 ? 512 + 1_024 : 512)]);
    const found: unknown[] = [];
    for await (const entry of entriesOf(inPieces(archive, 10_000_000))) {
      found.push([entry.name, entry.type, entry.size]);
      for await (const _ of entry.content);
    }
    expect(found).toEqual([
      ['file/', type, follows],
      ['last', 'file', 1],
    ]);
  });

  it.each(['gnu', 'pax'])('knows a file whose name %s cuts behind a slash', async (format) => {
    // The header's own name has room for the folder and the slash alone.
    const name = `${'d'.repeat(99)}/file`;
    await mkdir(join(folder, format, 'd'.repeat(99)), { recursive: true });
    await writeFile(join(folder, format, name), 'z'.repeat(600));
    await writeFile(join(folder, format, 'last'), 'w');
    const archive = await archiveOf(['-c', `--format=${format}`, '-C', join(folder, format), name, 'last']);
    const found: unknown[] = [];
    for await (const entry of entriesOf(inPieces(archive, 10_000_000)))
      found.push([entry.name, entry.type, (await buffer(Readable.from(entry.content))).length]);
    expect(found).toEqual([
      [name, 'file', 600],
      ['last', 'file', 1],
    ]);
  });

  it.each(['gnu', 'pax --sparse-version=0.1', 'pax --sparse-version=1.0'])(
    'takes no file with holes of %s for one without',
    async (format) => {
      await mkdir(join(folder, 'holes'), { recursive: true });
      await writeFile(join(folder, 'holes', 'file'), 'q');
      await truncate(join(folder, 'holes', 'file'), 1_000_000);
      const archive = await archiveOf(['-cS', ...`--format=${format}`.split(' '), '-C', join(folder, 'holes'), 'file']);
      expect(archive.length).toBeLessThan(100_000);
      const types: string[] = [];
      for await (const { type } of entriesOf(inPieces(archive, 10_000_000))) types.push(type);
      expect(types).toEqual(['other']);
    },
  );

  it('passes over what nobody reads, and reads to the end of what comes', async () => {
    const stdout = await archiveOf(['-c', '-C', join(folder, 'tree'), '.']);
    let bytes = 0;
    const source = async function* (): AsyncGenerator<Buffer> {
      for await (const piece of inPieces(Buffer.concat([stdout, Buffer.from('what stands behind')]), 700)) {
        bytes += piece.length;
        yield piece;
      }
    };
    const names: string[] = [];
    for await (const { name } of entriesOf(source())) names.push(name);
    expect(names).toEqual(expect.arrayContaining(['./empty', './block', './link']));
    expect(bytes).toBe(stdout.length + 'what stands behind'.length);
  });
});

const archiveOf = async (tar: readonly string[]): Promise<Buffer> =>
  (await promisify(execFile)('tar', tar, { encoding: 'buffer', maxBuffer: 10_000_000 })).stdout;

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}
