import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { removeTree } from '@fornax/drivers';
import { eventually } from '@fornax/testing';
import { layerOf } from '@fornax/testing/layers';
import { digestOf, pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ImageStore, type KeptImage } from './image-store.js';

const CONTENT = randomBytes(60_000).toString('base64');
const flip = async (file: string): Promise<void> => {
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
};

/** What a node's disk makes of layers that images share. */
describe('a layer that is kept', () => {
  let registry: TestRegistry;
  let folder = '';
  let round = 0;
  let told: unknown[] = [];
  let digests: readonly string[] = [];

  beforeAll(async () => {
    registry = await startTestRegistry();
  });
  afterAll(() => registry.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-images-'));
    told = [];
  });
  afterEach(() => removeTree(folder));

  const open = (): Promise<ImageStore> =>
    ImageStore.open({
      folder,
      ...{ mostBytes: 100_000_000, pullMs: 20_000, silenceMs: 2_000 },
      onForget: () => Promise.resolve(),
      onError: (error) => told.push(error),
    });
  const repositoryOf = (name: string): string => `kept${round}/${name}`;
  const use = (store: ImageStore, name: string): Promise<KeptImage> =>
    store.use(
      { name: { registry: registry.url, repository: repositoryOf(name), reference: 'latest' } },
      { signal: AbortSignal.timeout(20_000), onMoved: () => undefined },
    );
  /** Images that begin with the same layers. */
  const push = async (content: string | Buffer = CONTENT, bases = 1): Promise<void> => {
    round += 1;
    const shared = await Promise.all(
      Array.from({ length: bases }, (_, at) => layerOf([[{ name: `base${at}` }, content]])),
    );
    digests = shared.map(({ bytes }) => digestOf(bytes));
    for (const name of ['one', 'two', 'three'])
      await pushImage(registry, { repository: repositoryOf(name), tag: 'latest' }, [
        ...shared,
        await layerOf([[{ name }, name]]),
      ]);
  };
  /** Those that are large: that of each image's own is not. */
  const large = async (): Promise<readonly string[]> => {
    const names = (await readdir(join(folder, 'layers'))).map((name) => join(folder, 'layers', name));
    const sizes = await Promise.all(names.map((name) => stat(name)));
    return names.filter((_, at) => (sizes[at]?.size ?? 0) > 10_000);
  };
  /** How often the registry gave layers that images share to one of them. */
  const given = async (name: string): Promise<number> =>
    (await registry.given()).filter(
      (path) => path.includes(repositoryOf(name)) && digests.some((digest) => path.endsWith(digest)),
    ).length;

  it.each<readonly [string, (file: string) => Promise<void>]>([
    ['has one other byte', flip],
    ['unpacks to something else', async (file) => writeFile(file, gzipSync(Buffer.alloc(1_024)))],
    ['is cut', (file) => truncate(file, 20_000)],
    ['is empty', (file) => truncate(file, 0)],
    ['has more at its end', (file) => writeFile(file, 'x', { flag: 'a' })],
    ['is all zeros', async (file) => writeFile(file, Buffer.alloc((await stat(file)).size))],
    ['is gone', (file) => rm(file)],
    ['is a folder', async (file) => void (await rm(file), await mkdir(join(file, 'x'), { recursive: true }))],
    ['is a link that leads nowhere', async (file) => void (await rm(file), await symlink('/nowhere', file))],
  ])('and %s is fetched anew, once, in this process and in the next', async (_, damage) => {
    await push();
    for (const [name, store] of [
      ['two', await open()],
      ['three', undefined],
    ] as const) {
      if (store) await use(store, 'one');
      for (const file of await large()) await damage(file);
      const image = await use(store ?? (await open()), name);
      expect(await readFile(join(image.tree, 'base0'), 'utf8')).toBe(CONTENT);
      expect((await readdir(image.tree)).sort()).toEqual(['base0', 'etc', name]);
      // A registry writes down what it gave a moment later.
      await eventually(async () => (await given(name)) === 1);
      expect(await readdir(join(folder, 'incoming'))).toEqual([]);
    }
    expect(await large()).toHaveLength(1);
    for (const file of await large()) expect((await stat(file)).isFile()).toBe(true);
  });

  it('and is damaged is found out where a thread unpacks it, and so are all others of its image at once', async () => {
    const noise = randomBytes(5_000_000);
    await push(noise, 3);
    const store = await open();
    await use(store, 'one');
    for (const file of await large()) await flip(file);
    const image = await use(store, 'two');
    for (const at of [0, 1, 2]) expect(noise.equals(await readFile(join(image.tree, `base${at}`)))).toBe(true);
    expect(told.map(String)).toEqual([expect.stringContaining('is not on this disk as it came')]);
    await use(store, 'three');
    expect([await given('two'), await given('three')]).toEqual([3, 0]);
    expect(told).toHaveLength(1);
  });
});
