import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATA_FORMAT } from '@fornax/contracts';
import {
  FOLDER_MIGRATIONS,
  type FolderMigration,
  migrateFolder,
  readFolderFormat,
  stepsFrom,
} from './folder-version.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-version-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const said: string[] = [];
const onProgress = (message: string): void => void said.push(message);
const file = (name: string) => readFile(join(folder, name), 'utf8');

/** Steps that write what they did, twice if they are run twice. */
const steps = (...fails: readonly number[]): readonly FolderMigration[] =>
  [2, 3].map((to) => ({
    to,
    what: `does what is new in ${to}`,
    up: async () => {
      await writeFile(join(folder, `new-in-${to}`), 'half');
      if (fails.includes(to)) throw new Error('killed');
      await writeFile(join(folder, `new-in-${to}`), 'whole');
    },
  }));

describe('the list of migrations', () => {
  it('leads to this format step by step, and no further', () => {
    const path = Array.from({ length: DATA_FORMAT - 1 }, (_, index) => index + 2);
    expect(FOLDER_MIGRATIONS.map(({ to }) => to)).toEqual(path);
  });

  it.each([
    [{ whole: 1, begun: 1 }, 3, [2, 3]],
    [{ whole: 2, begun: 2 }, 3, [3]],
    [{ whole: 1, begun: 2 }, 3, [2, 3]],
    [{ whole: 3, begun: 3 }, 3, []],
    [{ whole: 1, begun: 1 }, 2, [2]],
  ])('from %j to %i takes %j', (found, own, expected) => {
    expect(stepsFrom(found, steps(), own)?.map(({ to }) => to)).toEqual(expected);
  });

  it('leads nowhere from a newer format, nor from a step that a newer release began', () => {
    expect(stepsFrom({ whole: 3, begun: 3 }, steps(), 2)).toBeUndefined();
    expect(stepsFrom({ whole: 2, begun: 3 }, steps(), 2)).toBeUndefined();
  });
});

describe('a data folder', () => {
  it('that is new or absent gets this format', async () => {
    expect(await readFolderFormat(join(folder, 'absent'))).toBeUndefined();
    expect(await readFolderFormat(folder)).toBeUndefined();
    await migrateFolder(folder, undefined, { onProgress });
    expect(await file('VERSION')).toBe(`${DATA_FORMAT}\n`);
    expect(JSON.parse(await file('version.json'))).toEqual({ format: DATA_FORMAT });
    expect(await readFolderFormat(folder)).toEqual({ whole: DATA_FORMAT, begun: DATA_FORMAT });
  });

  it('of a release that knew VERSION only has the format that stands there', async () => {
    await writeFile(join(folder, 'VERSION'), '1\n');
    expect(await readFolderFormat(folder)).toEqual({ whole: 1, begun: 1 });
  });

  it('is brought up step by step, and the screen says so', async () => {
    said.length = 0;
    await writeFile(join(folder, 'VERSION'), '1\n');
    await migrateFolder(folder, { whole: 1, begun: 1 }, { migrations: steps(), own: 3, onProgress });
    expect([await file('new-in-2'), await file('new-in-3'), await file('VERSION')]).toEqual(['whole', 'whole', '3\n']);
    expect(JSON.parse(await file('version.json'))).toEqual({ format: 3 });
    expect(said).toEqual([
      'the data folder is brought to version 2 (step 1 of 2): does what is new in 2',
      'the data folder is brought to version 3 (step 2 of 2): does what is new in 3',
    ]);
  });

  it('goes on with the step that was killed, and older programs leave it alone from the moment it began', async () => {
    await writeFile(join(folder, 'VERSION'), '1\n');
    const all = { own: 3, onProgress };
    await expect(migrateFolder(folder, { whole: 1, begun: 1 }, { ...all, migrations: steps(3) })).rejects.toThrow(
      'killed',
    );
    expect([await file('VERSION'), JSON.parse(await file('version.json'))]).toEqual(['3\n', { format: 2 }]);
    await expect(readFolderFormat(folder)).rejects.toThrow(`has version 3, this release reads version ${DATA_FORMAT}`);
    await migrateFolder(folder, { whole: 2, begun: 3 }, { ...all, migrations: steps() });
    expect([await file('new-in-3'), JSON.parse(await file('version.json'))]).toEqual(['whole', { format: 3 }]);
  });

  it.each([
    ['VERSION', '99\n', /version 99[\s\S]*FORNAX_DATA_DIR/],
    ['VERSION', 'x', /version x[\s\S]*FORNAX_DATA_DIR/],
    ['VERSION', '', /version \(none\)/],
    ['version.json', '{"format":99}', /version 99/],
    ['version.json', '{}', /FORNAX_DATA_DIR/],
    ['version.json', '', /FORNAX_DATA_DIR/],
  ])('with %s %j is refused and not touched', async (name, text, message) => {
    await writeFile(join(folder, 'VERSION'), '1\n');
    await writeFile(join(folder, name), text);
    const before = await readdir(folder);
    await expect(readFolderFormat(folder)).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual(before);
  });

  it('of somebody else is refused', async () => {
    await mkdir(join(folder, 'thesis'));
    await expect(readFolderFormat(folder)).rejects.toThrow(/not made by Fornax/);
  });
});
