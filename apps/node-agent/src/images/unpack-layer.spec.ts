import { access, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '@fornax/testing/registry';

import { type LayerEntry, tarOf } from '@fornax/testing/layers';
import { LayerRefused } from './tree-path.js';
import { beginThread, UnpackThreads } from './unpack-by-thread.js';
import { type LayerOptions, unpackLayer } from './unpack-layer.js';

const TAR = 'application/vnd.oci.image.layer.v1.tar';
let folder = '';
let root = '';
let begun = 0;
/** In step: streams are what this thread has. */
const threads = new UnpackThreads(() => {
  begun += 1;
  return beginThread();
}, 1);

const unpack = async (
  bytes: Buffer,
  {
    mediaType = TAR,
    leftBytes = 1_000_000,
    leftFiles = 1_000,
    left,
    threadsFrom,
    signal = AbortSignal.timeout(10_000),
    onMoved = () => undefined,
    onGrow,
  }: Partial<LayerOptions> & { mediaType?: string; leftBytes?: number; leftFiles?: number } = {},
): Promise<string> => {
  const file = join(folder, 'layer');
  await writeFile(file, bytes);
  return unpackLayer(file, mediaType, root, {
    signal,
    onMoved,
    left: left ?? { bytes: leftBytes, files: leftFiles },
    threads,
    threadsFrom,
    ...(onGrow ? { onGrow } : {}),
  });
};
const put = async (...entries: readonly LayerEntry[]): Promise<string> => unpack(await tarOf(entries));
const at = (path: string): string => join(root, path);
const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The archive with its first entry of another kind. */
const ofFlag = (bytes: Buffer, flag: string): Buffer => {
  const changed = Buffer.from(bytes);
  changed.write(flag, 156, 'latin1');
  changed.fill(' ', 148, 156);
  const sum = changed.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return changed;
};

describe('a layer', () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-layer-'));
    root = join(folder, 'root');
    await mkdir(root);
    await writeFile(join(folder, 'outside'), 'untouched');
  });
  afterEach(async () => {
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('untouched');
    await rm(folder, { recursive: true, force: true });
  });

  afterAll(() => threads.close());

  it('is unpacked by a thread that unpacked another one, unless that failed or is at work', async () => {
    await threads.close();
    begun = 0;
    const plain = await tarOf([[{ name: 'file' }, 'content']]);
    const unpackAs = async (name: string, bytes = plain): Promise<string> => {
      const [file, own] = [join(folder, name), join(root, name)];
      await writeFile(file, bytes);
      await mkdir(own, { recursive: true });
      const signal = AbortSignal.timeout(10_000);
      return unpackLayer(file, TAR, own, {
        ...{ signal, onMoved: () => undefined, left: { bytes: 1_000_000, files: 1_000 } },
        ...{ threads, threadsFrom: 0 },
      });
    };
    const both = async (): Promise<unknown> => Promise.all([unpackAs('one'), unpackAs('other')]);
    await unpackAs('one');
    await unpackAs('one');
    expect(begun).toBe(1);
    await both();
    expect(begun).toBe(2);
    await expect(unpackAs('damaged', Buffer.from('none'.repeat(200)))).rejects.toThrow(LayerRefused);
    await both();
    expect(begun).toBe(3);
  });

  it('becomes files, folders and links, of which none may be written by others or gives rights', async () => {
    await put(
      [{ name: 'a/', type: 'directory', mode: 0o777 }],
      [{ name: 'a/program', mode: 0o6755 }, 'run'],
      [{ name: 'a/secret', mode: 0o600 }, 'shadow'],
      [{ name: 'a/same', type: 'link', linkname: 'a/program' }],
      [{ name: 'a/short', type: 'symlink', linkname: '/etc/passwd' }],
      [{ name: 'without/a/folder' }, 'made'],
    );
    const modeOf = async (path: string): Promise<number> => (await lstat(at(path))).mode & 0o7777;
    expect([await modeOf('a'), await modeOf('a/program'), await modeOf('a/secret')]).toEqual([0o755, 0o755, 0o644]);
    expect((await lstat(at('a/same'))).ino).toBe((await lstat(at('a/program'))).ino);
    expect(await readlink(at('a/short'))).toBe('/etc/passwd');
    expect(await readFile(at('without/a/folder'), 'utf8')).toBe('made');
  });

  it.each([
    ['gzip', `${TAR}+gzip`, gzipSync],
    ['zstd', `${TAR}+zstd`, zstdCompressSync],
    ['nothing', TAR, (bytes: Buffer) => bytes],
  ])(
    'is read from %s, and says what it is without that, by this thread and by another one',
    async (_, mediaType, compress) => {
      // Headers and small files lie across the ends of pieces.
      const many = Array.from(
        { length: 300 },
        (__, each) => [{ name: `f${each}` }, `${each} `.repeat(each * 50)] as const,
      );
      const large = Buffer.from(Array.from({ length: 700_000 }, (__, each) => each % 251));
      const plain = await tarOf([
        ...many,
        [{ name: 'large' }, large],
        [{ name: `${'long/'.repeat(40)}file` }, 'content'],
      ]);
      for (const threadsFrom of [Infinity, 0]) {
        const options = { mediaType, threadsFrom, leftBytes: 100_000_000 };
        expect(await unpack(compress(plain), options)).toBe(digestOf(plain));
        for (const [{ name }, content] of many) expect(await readFile(at(name), 'utf8')).toBe(content);
        expect(large.equals(await readFile(at('large')))).toBe(true);
        expect(await readFile(at(`${'long/'.repeat(40)}file`), 'utf8')).toBe('content');
      }
    },
  );

  it('takes away what it hides of earlier ones, and nothing of its own', async () => {
    await put(
      [{ name: 'kept' }, '1'],
      [{ name: 'gone' }, '1'],
      [{ name: 'opaque/old' }, '1'],
      [{ name: 'tree/deep/file' }, '1'],
    );
    await put(
      [{ name: '.wh.gone' }],
      [{ name: '.wh.tree' }],
      [{ name: 'opaque/new' }, '2'],
      [{ name: 'opaque/.wh..wh..opq' }],
      [{ name: '.wh.never' }],
    );
    const there = await Promise.all(
      ['kept', 'gone', 'tree', 'opaque/old', 'opaque/new'].map((path) => isThere(at(path))),
    );
    expect(there).toEqual([true, false, false, false, true]);
  });

  it('replaces files by folders, folders by files, and links by what is no link', async () => {
    await put(
      [{ name: 'file' }, '1'],
      [{ name: 'folder/inside' }, '1'],
      [{ name: 'link', type: 'symlink', linkname: '../outside' }],
    );
    await put([{ name: 'file/inside' }, '2']).catch(() => undefined);
    await put([{ name: 'file/', type: 'directory' }], [{ name: 'folder' }, '2'], [{ name: 'link' }, '2']);
    expect((await lstat(at('file'))).isDirectory()).toBe(true);
    expect(await readFile(at('folder'), 'utf8')).toBe('2');
    expect((await lstat(at('link'))).isFile()).toBe(true);
  });

  it('writes through links as a process in the image would: never out of it', async () => {
    await put(
      [{ name: 'up', type: 'symlink', linkname: '../../../..' }],
      [{ name: 'abs', type: 'symlink', linkname: folder }],
    );
    await put([{ name: 'up/outside' }, 'overwritten'], [{ name: 'abs/outside' }, 'overwritten']);
    expect(await readFile(at('outside'), 'utf8')).toBe('overwritten');
    expect(await readFile(join(at(folder), 'outside'), 'utf8')).toBe('overwritten');
  });

  it('makes no device and no pipe', async () => {
    await put(
      [{ name: 'disk', type: 'block-device', devmajor: 8, devminor: 0 }],
      [{ name: 'tty', type: 'character-device', devmajor: 5, devminor: 0 }],
      [{ name: 'pipe', type: 'fifo' }],
      [{ name: 'after' }, 'x'],
    );
    expect(await Promise.all(['disk', 'tty', 'pipe', 'after'].map((path) => isThere(at(path))))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it.each<readonly [string, readonly LayerEntry[]]>([
    ['a name that leads up', [[{ name: '../outside' }, 'overwritten']]],
    ['a name that leads up later', [[{ name: 'a/../../outside' }, 'overwritten']]],
    ['a hard link that leads up', [[{ name: 'mine', type: 'link', linkname: '../outside' }]]],
    ['a hard link to nothing', [[{ name: 'mine', type: 'link', linkname: 'nothing' }]]],
    [
      'a hard link through a link',
      [[{ name: 'up', type: 'symlink', linkname: '..' }], [{ name: 'mine', type: 'link', linkname: 'up/outside' }]],
    ],
    ['a hidden parent', [[{ name: 'a/.wh...' }]]],
    [
      'links in circles',
      [
        [{ name: 'a', type: 'symlink', linkname: 'b' }],
        [{ name: 'b', type: 'symlink', linkname: 'a' }],
        [{ name: 'a/file' }, 'x'],
      ],
    ],
  ])('is refused with %s', async (_, entries) => {
    await expect(put(...entries)).rejects.toThrow(LayerRefused);
  });

  it('is refused where it is larger than what is left, also when that is zeros that compress well', async () => {
    const bomb = gzipSync(await tarOf([[{ name: 'zeros' }, Buffer.alloc(5_000_000)]]));
    await expect(unpack(bomb, { mediaType: `${TAR}+gzip` })).rejects.toThrow(/larger/);
    const many = await tarOf(Array.from({ length: 50 }, (_, each) => [{ name: `f${each}` }] as const));
    await expect(unpack(many, { leftFiles: 20 })).rejects.toThrow(/more files/);
  });

  it('costs the same in a thread, which is given as much as it asks for and no more than there is', async () => {
    const many = Array.from({ length: 1_500 }, (_, each): LayerEntry => [
      { name: `f${each}` },
      'x'.repeat(each % 7_000),
    ]);
    const bytes = await tarOf([...many, [{ name: 'large' }, Buffer.alloc(9_000_000)]]);
    const here = { bytes: 100_000_000, files: 5_000 };
    await unpack(bytes, { left: here, threadsFrom: Infinity });
    const there = { bytes: 100_000_000, files: 5_000 };
    const grown: number[] = [];
    await unpack(bytes, { left: there, threadsFrom: 0, onGrow: async (more) => void grown.push(more) });
    expect(there).toEqual(here);
    expect(grown.length).toBeLessThan(100);
    const enough = { bytes: 100_000_000 - here.bytes, files: 5_000 - here.files };
    await unpack(bytes, { left: { ...enough }, threadsFrom: 0 });
    await expect(unpack(bytes, { left: { ...enough, bytes: enough.bytes - 1 }, threadsFrom: 0 })).rejects.toThrow(
      /larger/,
    );
    await expect(unpack(bytes, { left: { ...enough, files: enough.files - 1 }, threadsFrom: 0 })).rejects.toThrow(
      /more files/,
    );
    const onGrow = (): Promise<void> => Promise.reject(new Error('no room'));
    await expect(unpack(bytes, { leftBytes: 1e9, leftFiles: 5_000, threadsFrom: 0, onGrow })).rejects.toThrow(
      'no room',
    );
  }, 60_000);

  it.each(['x', '-30000000000', '1e99', '99999999999999999999'])(
    'is refused when the size of an entry is %s, and lifts no bound',
    async (size) => {
      for (const type of ['directory', 'file', 'symlink'] as const) {
        const left = { bytes: 10_000_000, files: 1_000 };
        const bytes = await tarOf([[{ name: 'a', type, linkname: 'b', pax: { size } }, type === 'file' ? 'x' : '']]);
        await expect(unpack(bytes, { left })).rejects.toThrow(LayerRefused);
        expect(left.bytes).toBeGreaterThan(0);
        expect(left.bytes).toBeLessThanOrEqual(10_000_000);
      }
    },
  );

  it.each(['x', 'g', 'L', 'K'])(
    'is refused with a header (%s) longer than what is gathered in memory',
    async (flag) => {
      const bytes = await tarOf([[{ name: 'a' }, 'x'.repeat(1_100_000)]]);
      await expect(unpack(ofFlag(bytes, flag), { leftBytes: 1e9 })).rejects.toThrow(/stands before an entry/);
    },
  );

  it('pays for each folder that is made on its way, and for whole blocks', async () => {
    const deep = Array.from({ length: 200 }, () => 'a').join('/');
    await expect(put([{ name: `1/${deep}/file` }, 'x'])).resolves.toMatch(/^sha256:/);
    await expect(unpack(await tarOf([[{ name: `2/${deep}/file` }, 'x']]), { leftFiles: 150 })).rejects.toThrow(
      /more files/,
    );
    await expect(unpack(await tarOf([[{ name: `3/${deep}/file` }, 'x']]), { leftBytes: 500_000 })).rejects.toThrow(
      /larger/,
    );
    const left = { bytes: 100_000, files: 100 };
    await unpack(await tarOf([[{ name: 'one' }, 'x']]), { left });
    expect(left.bytes).toBeLessThanOrEqual(100_000 - 4_096);
  });

  it.each<readonly [string, readonly LayerEntry[]]>([
    ['a path that is too long', [[{ name: Array.from({ length: 30 }, () => 'n'.repeat(100)).join('/') }, 'x']]],
    ['a path that is too deep', [[{ name: Array.from({ length: 600 }, () => 'd').join('/') }, 'x']]],
    [
      'a path that is too long behind a link',
      [
        [{ name: `${Array.from({ length: 15 }, () => 'n'.repeat(100)).join('/')}/`, type: 'directory' }],
        [{ name: 'l', type: 'symlink', linkname: Array.from({ length: 15 }, () => 'n'.repeat(100)).join('/') }],
        [{ name: `l/${Array.from({ length: 15 }, () => 'n'.repeat(100)).join('/')}` }, 'x'],
      ],
    ],
    ['a name that is too long', [[{ name: 'n'.repeat(300) }, 'x']]],
    ['a link that leads to nothing', [[{ name: 'l', type: 'symlink', linkname: '' }]]],
    ['a link that is too long', [[{ name: 'l', type: 'symlink', linkname: 'n'.repeat(5_000) }]]],
    ['a file of a kind that nobody knows', [[{ name: 'f', type: 'contiguous-file' }, 'x']]],
  ])('is refused as the fault of who made it with %s', async (what, entries) => {
    const bytes = await tarOf(entries);
    await expect(unpack(what.includes('kind') ? ofFlag(bytes, 'S') : bytes)).rejects.toThrow(LayerRefused);
  });

  it.each([Infinity, 0])(
    'is given up when its signal says so, whatever it holds (a thread from %s bytes)',
    async (threadsFrom) => {
      const ending = new AbortController();
      const bytes = await tarOf([[{ name: 'zeros' }, Buffer.alloc(30_000_000)]]);
      const unpacking = unpack(bytes, {
        leftBytes: 1e9,
        threadsFrom,
        signal: ending.signal,
        onMoved: () => ending.abort(new Error('nobody waits')),
      });
      await expect(unpacking).rejects.toThrow('nobody waits');
    },
  );

  describe('whose turn has not come', () => {
    const large = 'x'.repeat(200_000);
    const below: readonly LayerEntry[] = [
      [{ name: 'kept/file' }, 'below'],
      [{ name: 'gone' }, 'below'],
      [{ name: 'opaque/old' }, 'below'],
      [{ name: 'to', type: 'symlink', linkname: 'kept' }],
      [{ name: 'link', type: 'symlink', linkname: '../outside' }],
      [{ name: 'folder/inside' }, 'below'],
    ];
    const above: readonly LayerEntry[] = [
      [{ name: 'to/large', mode: 0o4711 }, large],
      [{ name: 'link' }, large],
      [{ name: 'folder' }, large],
      [{ name: 'same', type: 'link', linkname: 'kept/file' }],
      [{ name: 'second', type: 'link', linkname: 'link' }],
      [{ name: '.wh.gone' }],
      [{ name: 'opaque/new' }, 'above'],
      [{ name: 'opaque/.wh..wh..opq' }],
      [{ name: 'empty' }],
    ];
    const unpackAbove = async (
      comes: PromiseLike<unknown>,
      entries = above,
      left = { bytes: 10_000_000, files: 100 },
      threadsFrom = Infinity,
    ): Promise<string> => {
      const file = join(folder, 'above');
      await writeFile(file, await tarOf(entries));
      const options = { signal: AbortSignal.timeout(10_000), onMoved: () => undefined };
      return unpackLayer(file, TAR, root, {
        ...options,
        left,
        threads,
        threadsFrom,
        turn: { folder: join(folder, 'early'), comes },
      });
    };
    const look = async (): Promise<readonly unknown[]> =>
      Promise.all(
        (await readdir(root, { recursive: true })).sort().map(async (path) => {
          const facts = await lstat(at(path));
          const content = facts.isFile() ? digestOf(await readFile(at(path))) : '';
          return [path, facts.mode, facts.nlink, content];
        }),
      );

    it.each([Infinity, 0])(
      'waits beside, and is over those before it what it would have been in order (a thread from %s bytes)',
      async (threadsFrom) => {
        await put(...below);
        await unpack(await tarOf(above));
        const inOrder = await look();
        await rm(root, { recursive: true });
        await mkdir(root);
        const { promise: comes, resolve } = Promise.withResolvers<undefined>();
        const left = { bytes: 10_000_000, files: 100 };
        const unpacking = unpackAbove(comes, above, left, threadsFrom);
        // Three files that are not small have come by then.
        while ((await readdir(join(folder, 'early')).catch(() => [])).length < 3) await new Promise(setImmediate);
        expect(await readdir(root)).toEqual([]);
        await put(...below);
        resolve(undefined);
        expect(await unpacking).toBe(digestOf(await tarOf(above)));
        expect(await look()).toEqual(inOrder);
        expect(await readdir(join(folder, 'early'))).toEqual([]);
        expect((await lstat(at('kept/large'))).mode & 0o7777).toBe(0o755);
      },
    );

    it.each<readonly [string, LayerEntry]>([
      ['name', [{ name: 'n'.repeat(5_000) }, 'x']],
      ['name of what is left out', [{ name: 'n'.repeat(5_000), type: 'block-device', devmajor: 8, devminor: 0 }]],
      ['link', [{ name: 'l', type: 'symlink', linkname: 'ä'.repeat(2_500) }]],
    ])('is refused at once for a %s that no system takes', async (_, entry) => {
      const never = Promise.withResolvers<undefined>();
      await expect(unpackAbove(never.promise, [entry])).rejects.toThrow(LayerRefused);
    });

    it('is read on no further when what waits has long names and links, however little it is else', async () => {
      const many = Array.from({ length: 4_500 }, (_, each): LayerEntry => [
        { name: `${'n'.repeat(200)}${each}`, type: 'block-device', linkname: 'l'.repeat(4_000) },
      ]);
      const left = { bytes: 1e9, files: many.length };
      const below = Promise.resolve();
      const asked: number[] = [];
      // That its turn has come is told to whoever waits for it, not to whoever looks whether it has.
      const comes: PromiseLike<unknown> = {
        then: (done) => (asked.push(left.files) > 1 ? below.then(done) : new Promise<never>(() => undefined)),
      };
      await unpackAbove(comes, many, left);
      expect(asked[0]).toBe(many.length);
      // The first time that it is waited for: 32 MiB of text, two bytes for a sign.
      expect(many.length - (asked[1] ?? 0)).toBeLessThan(4_200);
    });

    it.each([Infinity, 0])(
      'puts nothing anywhere when one before it fails (a thread from %s bytes)',
      async (threadsFrom) => {
        const left = { bytes: 10_000_000, files: 100 };
        const failing = unpackAbove(Promise.reject(new Error('the one below')), above, left, threadsFrom);
        await expect(failing).rejects.toThrow('the one below');
        expect(await readdir(root)).toEqual([]);
      },
    );
  });

  it.each([
    ['cut', (bytes: Buffer) => gzipSync(bytes).subarray(0, 40)],
    ['no archive', () => gzipSync(Buffer.from('x'.repeat(2_000)))],
    ['not compressed', (bytes: Buffer) => bytes],
  ])('is refused when it is %s', async (_, damage) => {
    const plain = await tarOf([[{ name: 'file' }, 'x'.repeat(3_000)]]);
    for (const threadsFrom of [Infinity, 0])
      await expect(unpack(damage(plain), { mediaType: `${TAR}+gzip`, threadsFrom })).rejects.toThrow(LayerRefused);
  });

  it('of an unknown kind is refused', async () => {
    await expect(unpack(Buffer.alloc(10), { mediaType: 'application/x-squashfs' })).rejects.toThrow(LayerRefused);
  });
});
