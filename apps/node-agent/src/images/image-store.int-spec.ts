import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '@fornax/drivers';
import { startFaultProxy } from '@fornax/testing';
import { digestOf, pushImage, REGISTRY_LOGIN, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';

import { UserError } from '../failure/user-error.js';
import { ImageStore, type ImageStoreOptions, type KeptImage } from './image-store.js';
import { layerOf } from '@fornax/testing/layers';
import type { Login } from './registry.js';
import { RegistryAway } from './registry-away.js';

/** Images of small files in a real registry, and stores that pull them. */
describe('the store of images', () => {
  let registry: TestRegistry;
  let closed: TestRegistry;
  let folder = '';
  let forgotten: string[] = [];

  beforeAll(async () => {
    registry = await startTestRegistry();
    closed = await startTestRegistry(true);
  });
  afterAll(async () => {
    await registry.stop();
    await closed.stop();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-images-'));
    forgotten = [];
  });
  afterEach(() => removeTree(folder));

  const open = (options: Partial<ImageStoreOptions> = {}): Promise<ImageStore> =>
    ImageStore.open({
      folder: join(folder, 'store'),
      mostBytes: 10_000_000,
      pullMs: 20_000,
      silenceMs: 2_000,
      onForget: (tree) => Promise.resolve(void forgotten.push(tree)),
      onError: () => undefined,
      ...options,
    });
  const use = (
    store: ImageStore,
    repository: string,
    { url = registry.url, reference = 'latest', login = undefined as Login | undefined } = {},
  ): Promise<KeptImage> =>
    store.use(
      { name: { registry: url, repository, reference }, login },
      { signal: AbortSignal.timeout(20_000), onMoved: () => undefined },
    );
  const push = async (repository: string, content = repository, tag = 'latest'): Promise<string> =>
    pushImage(registry, { repository, tag }, [await layerOf([[{ name: 'mark' }, content]])], {
      Env: ['A=b=c'],
      Cmd: ['x'],
    });
  const failure = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );
  const files = async (): Promise<readonly string[]> => readdir(join(folder, 'store', 'incoming'));

  it('pulls one once for ten who want it, by tag and by digest, and keeps it for the next process', async () => {
    const digest = await push('ten/once');
    // Whoever asks past the first pull would not get through.
    const proxy = await startFaultProxy(Number(new URL(registry.url).port));
    const url = `http://127.0.0.1:${proxy.port}`;
    const store = await open();
    const all = await Promise.all(Array.from({ length: 10 }, () => use(store, 'ten/once', { url })));
    expect(new Set(all.map(({ tree }) => tree)).size).toBe(1);
    expect(all[0]).toMatchObject({ digest, settings: { env: { A: 'b=c' }, command: ['x'] } });
    expect(await readFile(join(all[0]?.tree ?? '', 'mark'), 'utf8')).toBe('ten/once');
    expect(await files()).toEqual([]);
    const later = await open();
    expect(later.bytes).toBe(store.bytes);
    await proxy.close();
    // Nobody was told of it in this process: without its registry nobody gets it.
    expect(await failure(use(later, 'ten/once', { url }))).toBeInstanceOf(RegistryAway);
    // Who was told of it before runs it.
    expect(await use(store, 'ten/once', { url })).toMatchObject({ digest });
  });

  it('gives a private one to who may have it, and to nobody else, though it is there', async () => {
    const name = { repository: 'private/one', tag: 'v1', isPrivate: true };
    await pushImage(closed, name, [await layerOf([[{ name: 'mark' }, 'private']])]);
    const store = await open();
    const asked = { url: closed.url, reference: 'v1' };
    await use(store, 'private/one', { ...asked, login: REGISTRY_LOGIN });
    for (const login of [undefined, { ...REGISTRY_LOGIN, password: 'wrong-pass-word' }]) {
      const error = await failure(use(store, 'private/one', { ...asked, login }));
      expect(error).toMatchObject({ code: 'FX-IMAGE-ACCESS', cause: 'user' });
      expect(String(error)).not.toContain('wrong-pass-word');
    }
  });

  it('says of a missing tag, a missing repository and a missing kind of machine what is missing', async () => {
    await push('some/image');
    const store = await open();
    for (const [repository, reference] of [
      ['some/image', 'nosuch'],
      ['no/image', 'latest'],
      ['some/image', `sha256:${'0'.repeat(64)}`],
    ] as const)
      expect(await failure(use(store, repository, { reference }))).toMatchObject({
        code: 'FX-IMAGE',
        message: expect.stringContaining('has no image'),
      });
  });

  it('refuses what is damaged: a layer, a digest, one that escapes, one that unpacks to something else', async () => {
    const good = await layerOf([[{ name: 'mark' }, 'good']]);
    const escaping = await layerOf([[{ name: '../escaped' }, 'bad']]);
    const broken = good.bytes.subarray(0, 40);
    await pushImage(registry, { repository: 'bad/escaping', tag: 'latest' }, [escaping]);
    await pushImage(registry, { repository: 'bad/broken', tag: 'latest' }, [{ ...good, bytes: broken }]);
    await pushImage(registry, { repository: 'bad/other', tag: 'latest' }, [{ ...good, diffId: digestOf(broken) }]);
    const changed = await layerOf([[{ name: 'mark' }, 'changed']]);
    await pushImage(registry, { repository: 'bad/digest', tag: 'latest' }, [changed]);
    const hex = digestOf(changed.bytes).slice('sha256:'.length);
    const blob = join(registry.folder, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const bytes = await readFile(blob);
    bytes[bytes.length - 12] = (bytes.at(-12) ?? 0) ^ 0xff;
    await writeFile(blob, bytes);
    const store = await open();
    for (const [repository, words] of [
      ['bad/escaping', 'outside'],
      ['bad/broken', 'cannot be read'],
      ['bad/other', 'what layer 1 unpacks to'],
      ['bad/digest', 'the digest of the layer'],
    ] as const) {
      const error = await failure(use(store, repository));
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({ code: 'FX-IMAGE', cause: 'user', message: expect.stringContaining(words) });
    }
    expect(await files()).toEqual([]);
    await expect(access(join(folder, 'store', 'escaped'))).rejects.toThrow('ENOENT');
  });

  it('fails as the platform where the registry is away or silent, and asks it once for all who come in the next seconds', async () => {
    await push('away/image');
    const proxy = await startFaultProxy(Number(new URL(registry.url).port));
    const url = `http://127.0.0.1:${proxy.port}`;
    await proxy.close();
    const store = await open({ silenceMs: 300 });
    const begun = performance.now();
    const first = await failure(use(store, 'away/image', { url }));
    const took = performance.now() - begun;
    expect(first).toBeInstanceOf(RegistryAway);
    expect(String(first)).toContain('cannot be reached: ECONNREFUSED');
    const again = performance.now();
    expect(await failure(use(store, 'away/image', { url }))).toBe(first);
    expect(performance.now() - again).toBeLessThan(took / 2);
  });

  it('asks a registry that has had enough once, and again when it said, but not for good', async () => {
    let asked = 0;
    const server = createServer((_, answer) => {
      asked += 1;
      answer.writeHead(429, { 'retry-after': '30' }).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    let now = 0;
    const store = await open({ nowMs: () => now });
    const first = await failure(use(store, 'much/asked', { url }));
    expect(first).toBeInstanceOf(RegistryAway);
    now = 29_000;
    expect(await failure(use(store, 'much/asked', { url }))).toBe(first);
    expect(asked).toBe(1);
    now = 31_000;
    await failure(use(store, 'much/asked', { url }));
    expect(asked).toBe(2);
    server.close();
    server.closeAllConnections();
  });

  it('begins where an earlier process left what is no image, however deep it is', async () => {
    const deep = Array.from({ length: 30 }, () => 'n'.repeat(100)).join('/');
    for (const place of ['images', 'incoming', 'leaving']) {
      const [upper, lower] = [join(folder, 'store', place, 'bad', deep), join(folder, 'lower')];
      await mkdir(upper, { recursive: true });
      await mkdir(join(lower, deep), { recursive: true });
      // Neither could be removed by its whole path from here on.
      await rename(lower, join(upper, 'lower'));
    }
    await open();
    for (const place of ['images', 'incoming', 'leaving'])
      expect(await readdir(join(folder, 'store', place))).toEqual([]);
  });

  it('gives up a pull that takes too long, also in its unpacking, and all that it has', async () => {
    const zeros = await layerOf([[{ name: 'zeros' }, Buffer.alloc(150_000_000)]]);
    await pushImage(registry, { repository: 'slow/image', tag: 'latest' }, [zeros]);
    const store = await open({ mostBytes: 1e9, pullMs: 100 });
    const error = await failure(use(store, 'slow/image'));
    expect(String(error)).toContain('100 ms');
    expect(await files()).toEqual([]);
  });

  it('begins no pull where the disk has no room beyond its mark, and lets idle images go for it', async () => {
    await push('disk/a', 'a');
    await push('disk/b', 'b');
    let spare = 1e9;
    const store = await open({ spare: () => Promise.resolve(spare) });
    const a = await use(store, 'disk/a');
    a.release();
    spare = 0;
    const late = AbortSignal.timeout(1_500);
    const name = { registry: registry.url, repository: 'disk/b', reference: 'latest' };
    await failure(store.use({ name }, { signal: late, onMoved: () => undefined }));
    expect(forgotten).toEqual([a.tree]);
    expect(store.bytes).toBe(0);
    spare = 1e9;
    store.leaveRoom(() => Promise.resolve(1e9));
    const later = AbortSignal.timeout(700);
    await failure(store.use({ name }, { signal: later, onMoved: () => undefined }));
    expect(store.bytes).toBe(0);
    store.leaveRoom(() => Promise.resolve(1e8));
    const b = await use(store, 'disk/b');
    await store.free(1);
    expect(forgotten).toEqual([a.tree]);
    b.release();
    await store.free(1);
    expect(forgotten).toEqual([a.tree, b.tree]);
    expect(store.bytes).toBe(0);
  });

  it('gives nobody one that is about to go: who asks meanwhile has it anew, and it stays', async () => {
    await push('going/image');
    const going = Promise.withResolvers<undefined>();
    const store = await open({
      onForget: (tree) => {
        forgotten.push(tree);
        return going.promise;
      },
    });
    (await use(store, 'going/image')).release();
    const freed = store.free(Number.MAX_SAFE_INTEGER);
    // Its layer goes first.
    while (forgotten.length === 0) await new Promise(setImmediate);
    const again = use(store, 'going/image');
    const came = async (): Promise<boolean> =>
      (await registry.given()).filter((path) => path.includes('going/image/blobs')).length === 4;
    // It was pulled once more, and is where it stays, or waits for that.
    while (!(await came())) await new Promise(setImmediate);
    let isGiven = false;
    void again.then(() => (isGiven = true));
    const isWhole = async (): Promise<boolean> => {
      const [name = ''] = await files();
      const place = join(folder, 'store', 'incoming', name);
      return (await readdir(place).catch((): string[] => [])).includes('image.json');
    };
    // From then on it only has to be moved.
    for (let turns = 0; turns < 100 && !isGiven; turns += (await isWhole()) ? 1 : 0);
    expect(isGiven).toBe(false);
    going.resolve(undefined);
    const [image] = await Promise.all([again, freed]);
    expect(await readFile(join(image.tree, 'mark'), 'utf8')).toBe('going/image');
    expect(forgotten).toEqual([image.tree]);
  });

  it('tells what could not be removed, and counts it on', async () => {
    for (const each of ['a', 'b']) await push(`stays/${each}`, each.repeat(300_000));
    const errors: unknown[] = [];
    const store = await open({ mostBytes: 700_000, onError: (error) => errors.push(error) });
    (await use(store, 'stays/a')).release();
    await rm(join(folder, 'store', 'leaving'), { recursive: true });
    const before = store.bytes;
    const b = await use(store, 'stays/b');
    expect(await readFile(join(b.tree, 'mark'), 'utf8')).toContain('bbb');
    expect(errors).toEqual([]);
    b.release();
    await push('stays/c', 'c'.repeat(200_000));
    expect(await failure(use(store, 'stays/c'))).toBeInstanceOf(Error);
    expect(errors).toHaveLength(2);
    expect(store.bytes).toBeGreaterThanOrEqual(before);
  });

  it('refuses images with more at their top than a sandbox shows, or with names that it cannot', async () => {
    const many = await layerOf(Array.from({ length: 600 }, (_, each) => [{ name: `f${each}` }] as const));
    await pushImage(registry, { repository: 'top/many', tag: 'latest' }, [many]);
    const odd = await layerOf([[{ name: 'line\n/', type: 'directory' }]]);
    await pushImage(registry, { repository: 'top/odd', tag: 'latest' }, [odd]);
    const store = await open();
    for (const repository of ['top/many', 'top/odd'])
      expect(await failure(use(store, repository))).toMatchObject({
        code: 'FX-IMAGE',
        message: expect.stringContaining('at its top'),
      });
  });

  it('refuses one larger than what is kept, and lets the least recently used go that nobody has', async () => {
    for (const name of ['a', 'b', 'c']) await push(`size/${name}`, name.repeat(300_000));
    const small = await open({ mostBytes: 700_000, nowMs: clock() });
    const a = await use(small, 'size/a');
    const b = await use(small, 'size/b');
    a.release();
    await use(small, 'size/c');
    expect(forgotten).toEqual([a.tree]);
    expect(await readFile(join(b.tree, 'mark'), 'utf8')).toContain('bbb');
    await expect(access(a.tree)).rejects.toThrow('ENOENT');
    const tiny = await open({ folder: join(folder, 'tiny'), mostBytes: 100_000 });
    expect(await failure(use(tiny, 'size/a'))).toMatchObject({
      code: 'FX-IMAGE',
      message: expect.stringContaining('larger'),
    });
  });

  it('keeps one over a loss of power when it is on the disk, and pulls it anew when it was not yet', async () => {
    await push('power/lost');
    const never = (): Promise<void> => new Promise(() => undefined);
    const errors: string[] = [];
    const onError = (error: unknown): unknown => errors.push(String(error));
    const store = await open({ boot: 'first', flush: never, onError });
    const { tree, release } = await use(store, 'power/lost');
    release();

    // The next process brings to the disk what this one has not.
    await open({ boot: 'first', onError });
    const mark = join(tree, '..', 'flushed');
    while (
      !(await access(mark).then(
        () => true,
        () => false,
      ))
    )
      await new Promise(setImmediate);
    expect((await open({ boot: 'second', onError })).idleBytes).toBe(store.idleBytes);
    expect(errors).toEqual([]);

    await rm(mark);
    const after = await open({ boot: 'second', flush: never, onError });
    await expect(access(tree)).rejects.toThrow('ENOENT');
    expect(errors).toEqual([expect.stringContaining('was not on the disk when the machine went down')]);
    expect(await readFile(join((await use(after, 'power/lost')).tree, 'mark'), 'utf8')).toBe('power/lost');
  });

  it('pulls one anew whose files are gone, when those have ended that run in it', async () => {
    await push('torn/apart');
    const store = await open();
    const first = await use(store, 'torn/apart');
    await rm(join(first.tree, 'mark'));
    expect(await failure(use(store, 'torn/apart'))).toMatchObject({
      message: expect.stringContaining('is not on the disk as it was unpacked'),
    });
    expect(forgotten).toEqual([]);
    first.release();
    const again = await use(store, 'torn/apart');
    expect(await readFile(join(again.tree, 'mark'), 'utf8')).toBe('torn/apart');
    expect(forgotten).toEqual([first.tree]);

    again.release();
    await removeTree(again.tree);
    expect(await readFile(join((await use(store, 'torn/apart')).tree, 'mark'), 'utf8')).toBe('torn/apart');
  });

  it('takes one whose top cannot be looked at for what it was', async () => {
    await push('not/seen');
    const store = await open();
    const { tree, release } = await use(store, 'not/seen');
    release();
    // More links than a path may have: an error that says nothing of the files.
    await rename(tree, `${tree}-away`);
    await symlink(tree, tree);
    expect(await failure(use(store, 'not/seen'))).toMatchObject({ code: 'ELOOP' });
    expect(forgotten).toEqual([]);
    await rm(tree);
    await rename(`${tree}-away`, tree);
    expect(await readFile(join((await use(store, 'not/seen')).tree, 'mark'), 'utf8')).toBe('not/seen');
  });
});

/** Goes on by a millisecond at each look. */
const clock = (): (() => number) => {
  let now = 0;
  return () => (now += 1);
};
