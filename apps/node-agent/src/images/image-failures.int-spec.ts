import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { removeTree } from '@fornax/drivers';
import { layerOf } from '@fornax/testing/layers';
import { digestOf, pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { failureOf } from '../instance/outcome-of.js';
import { ImageLayers } from './image-layers.js';
import { ImageStore, type ImageStoreOptions } from './image-store.js';
import { KeptLayers } from './kept-layers.js';
import { PullProgress } from './pull-progress.js';
import { type Login, Registry } from './registry.js';
import { RegistryAway } from './registry-away.js';

const run = promisify(execFile);
const LOGIN: Login = { user: 'me', password: 'of-the-token-server' };
const TOKEN = 'a-token-that-is-asked-for';

/** How an instance ends that wanted an image, and how often its registry is asked for it. */
describe('an image that does not come', () => {
  let registry: TestRegistry;
  let folder = '';
  const servers: Server[] = [];
  const others: TcpServer[] = [];

  beforeAll(async () => {
    registry = await startTestRegistry();
  });
  afterAll(() => registry.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-images-'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
    for (const server of others.splice(0)) server.close();
    await removeTree(folder);
  });

  const open = (options: Partial<ImageStoreOptions> = {}): Promise<ImageStore> =>
    ImageStore.open({
      folder: join(folder, 'store'),
      mostBytes: 50_000_000,
      pullMs: 20_000,
      silenceMs: 2_000,
      onForget: () => Promise.resolve(),
      onError: () => undefined,
      ...options,
    });
  const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
    const server = createServer(answer);
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const use = (store: ImageStore, url: string, repository: string, login?: Login, told: string[] = []) =>
    store.use(
      { name: { registry: url, repository, reference: 'latest' }, login },
      { signal: AbortSignal.timeout(20_000), onMoved: () => undefined, onProgress: (text) => told.push(text) },
    );
  const ended = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { error, outcome: failureOf(error, 'FX-NODE') };
  };

  const passOn = (
    { url = '', method = 'GET', headers: { accept = '' } }: IncomingMessage,
    response: ServerResponse,
  ): void =>
    void fetch(`${registry.url}${url}`, { method, headers: { accept } })
      .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
      // A connection that was kept may be closed just when it is used again: as other doors say it, and who pulls tries again.
      .catch(() => response.writeHead(502).end());

  /** The registry behind a server that gives tokens to who logs in, and lets in who has one. */
  const behindTokens = async (asked: string[]): Promise<string> => {
    const realm = await serve((request, response) => {
      asked.push(`token ${request.url ?? ''}`);
      const basic = `Basic ${Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')}`;
      if (request.headers.authorization === basic) response.end(JSON.stringify({ token: TOKEN }));
      else response.writeHead(401).end();
    });
    return serve((request, response) => {
      asked.push(request.url ?? '');
      if (request.headers.authorization === `Bearer ${TOKEN}`) {
        passOn(request, response);
        return;
      }
      const challenge = `Bearer realm="${realm}/token",service="tests",scope="repository:x:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
  };

  it('is one of who asked with the wrong word, where tokens are given: told once, and not asked for again at once', async () => {
    await pushImage(registry, { repository: 'bearer/image', tag: 'latest' }, [
      await layerOf([[{ name: 'mark' }, 'x']]),
    ]);
    const asked: string[] = [];
    const url = await behindTokens(asked);
    const store = await open();
    const wrong = { ...LOGIN, password: 'another-one' };
    const { error, outcome } = await ended(use(store, url, 'bearer/image', wrong));
    expect(outcome).toMatchObject({ outcome: 'failure', cause: 'user', error: { code: 'FX-IMAGE-ACCESS' } });
    expect(JSON.stringify(outcome)).not.toContain(wrong.password);
    const before = asked.length;
    expect((await ended(use(store, url, 'bearer/image', wrong))).error).toBe(error);
    expect(asked).toHaveLength(before);
    expect(before).toBeLessThanOrEqual(2);
    const image = await use(store, url, 'bearer/image', LOGIN);
    expect(await readdir(image.tree)).toContain('mark');
    expect(asked).toContain('token /token?service=tests&scope=repository%3Abearer%2Fimage%3Apull');
  });

  /** What a registry answers that sends on all that is asked. */
  const sendsOn = (to: (request: IncomingMessage) => string, asked: string[] = []): Promise<string> =>
    serve((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(302, { location: to(request) }).end();
    });

  it('is refused where its registry leads on and on: asked a few times, once', async () => {
    const asked: string[] = [];
    const url = await sendsOn(({ url: path = '' }) => path, asked);
    const { error, outcome } = await ended(use(await open(), url, 'round/about'));
    expect(outcome).toMatchObject({ cause: 'user', error: { code: 'FX-IMAGE' } });
    expect(String(error)).toMatch(/The registry 127\.0\.0\.1:\d+ sends on more than 5 times/);
    expect(asked).toHaveLength(6);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fe80::1]/x',
    'http://10.0.0.1/x',
    'http://[::ffff:10.0.0.1]/x',
  ])('is refused where its registry sends on to %s, or says that tokens are there', async (place) => {
    const begun = performance.now();
    const found = [
      await ended(use(await open(), await sendsOn(() => place), 'sent/on')),
      await ended(
        use(
          await open({ folder: join(folder, 'other') }),
          await serve(
            (_, response) => void response.writeHead(401, { 'www-authenticate': `Bearer realm="${place}"` }).end(),
          ),
          'sent/on',
          LOGIN,
        ),
      ),
    ];
    for (const { error, outcome } of found) {
      expect(outcome).toMatchObject({ cause: 'user', error: { code: 'FX-IMAGE' } });
      expect(String(error)).toMatch(/leads to .*, which has no public address.*FORNAX_NODE_IMAGE_SOURCES/);
    }
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  /** A server that answers each request with these words. */
  const says = async (words: string): Promise<string> => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end(words));
    });
    others.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it.each([
    ['999 Odd', '\r\ncontent-length: 0', /answered 999, which is no status of HTTP/],
    ['000 Odd', '\r\ncontent-length: 0', /answered 0, which is no status of HTTP/],
    ['600 Odd', '\r\ncontent-length: 5', /answered 600, which is no status of HTTP/],
    ['101 Switching Protocols', '\r\nconnection: upgrade\r\nupgrade: x', /closed without an answer/],
    ['205 Reset Content', '\r\ncontent-length: 5', /./],
    ['200 OK', '\r\nx: \u0001', /cannot be reached/],
  ])(
    'is the fault of the platform where its registry, or who it sends on to, answers %s',
    async (status, headers, why) => {
      const url = await says(`HTTP/1.1 ${status}${headers}\r\n\r\n`);
      for (const [at, from] of [url, await sendsOn(() => `${url}/x`)].entries()) {
        const { error, outcome } = await ended(use(await open({ folder: join(folder, `${at}`) }), from, 'odd/status'));
        expect(outcome).toMatchObject({
          outcome: 'failure',
          ...(status.startsWith('205') ? {} : { cause: 'platform' }),
        });
        expect(String(error)).toMatch(why);
      }
    },
  );

  it('says which host gives no tokens, and not that there is no image', async () => {
    const realm = await serve((_, response) => void response.writeHead(404).end());
    const url = await serve(
      (_, response) => void response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}/token"` }).end(),
    );
    const { error } = await ended(use(await open(), url, 'no/tokens'));
    expect(String(error)).toContain(`${new URL(realm).host}, which gives tokens for the registry`);
    expect(String(error)).toContain('answered 404');
  });

  it('is the fault of the platform where its registry takes connections and says nothing, and of nobody for long', async () => {
    let asked = 0;
    const url = await serve(() => void (asked += 1));
    const store = await open({ silenceMs: 200 });
    const begun = performance.now();
    const all = await Promise.all(Array.from({ length: 5 }, () => ended(use(store, url, 'silent/image'))));
    expect(performance.now() - begun).toBeLessThan(10_000);
    for (const { error, outcome } of all) {
      expect(error).toBeInstanceOf(RegistryAway);
      expect(outcome).toMatchObject({ cause: 'platform' });
      expect(String(error)).toContain('said nothing for 200 ms');
    }
    expect(asked).toBe(3);
  });

  it.each([
    ['the registry where that has not given the layer that is next', 0, true],
    ['who made it where that is being unpacked, whatever the registry does with a later one', 1, false],
  ])('in time waits for %s', async (_, silentAt, brokeOff) => {
    const layers = [await layerOf([[{ name: 'one' }, '1']]), await layerOf([[{ name: 'two' }, '2']])];
    await pushImage(registry, { repository: 'late/image', tag: 'latest' }, layers);
    const asked = Promise.withResolvers<undefined>();
    const silent = digestOf(layers[silentAt]?.bytes ?? Buffer.alloc(0));
    const url = await serve((request, response) => {
      if (request.url?.endsWith(silent) === true) asked.resolve(undefined);
      else passOn(request, response);
    });
    const ending = new AbortController();
    const waiter = { signal: ending.signal, onMoved: () => undefined };
    const name = { registry: url, repository: 'late/image', reference: 'latest' };
    const from = new Registry(name, undefined, { ...waiter, silenceMs: 20_000 });
    const { manifest } = await from.find();
    const coming = new ImageLayers(
      { folder, root: join(folder, 'root') },
      {
        ...{ registry: from, from: url, words: 'x', waiter, left: { bytes: 1e6, files: 100 } },
        layers: await KeptLayers.open(join(folder, 'layers'), 1e6),
        checksKept: false,
        progress: new PullProgress('x', { bytes: 1e6, layers: 2 }, () => undefined),
        held: {
          // The other layer is read by then.
          grow: async () => ending.abort(await asked.promise),
          expect: () => Promise.resolve(),
          end: () => undefined,
        },
        onFailure: () => undefined,
      },
    );
    const bringing = coming.bring(
      manifest.layers,
      layers.map(({ diffId }) => diffId),
    );
    await expect(bringing).rejects.toThrow(/abort/);
    expect(coming.brokeOff).toBe(brokeOff);
  });

  it('leaves nothing of itself on a disk that was full before its end', async () => {
    if (process.getuid?.() !== 0) return;
    const small = join(folder, 'small');
    await mkdir(small);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]);
    try {
      const noise = Buffer.from(Array.from({ length: 400_000 }, () => Math.random().toString(36)).join(''));
      const layer = await layerOf([[{ name: 'noise' }, noise]]);
      await pushImage(registry, { repository: 'full/disk', tag: 'latest' }, [layer]);
      const store = await open({ folder: join(small, 'store') });
      const { error, outcome } = await ended(use(store, registry.url, 'full/disk'));
      expect(String(error)).toContain('ENOSPC');
      expect(outcome).toMatchObject({ outcome: 'failure', cause: 'platform' });
      expect(await readdir(join(small, 'store', 'incoming'))).toEqual([]);
      expect(store.bytes).toBe(0);
    } finally {
      await run('umount', ['-l', small]);
    }
  });

  it('shares its layers with others: each comes once, whoever may not have it is not given it, and the pull tells how far it is', async () => {
    const base = await layerOf([[{ name: 'base' }, 'b'.repeat(50_000)]]);
    for (const each of ['one', 'two', 'three', 'four'])
      await pushImage(registry, { repository: `shared/${each}`, tag: 'latest' }, [
        base,
        await layerOf([[{ name: each }, each]]),
      ]);
    const store = await open();
    const told: string[] = [];
    await use(store, registry.url, 'shared/one', undefined, told);
    expect(told[0]).toMatch(
      /^pulls the image 127\.0\.0\.1:\d+\/shared\/one:latest: 0 % of \d+\.\d MB, 0 of 2 layers unpacked$/,
    );
    expect(told.at(-1)).toMatch(/: 100 % of .*, 2 of 2 layers unpacked$/);
    const two = await use(store, registry.url, 'shared/two');
    expect((await readdir(two.tree)).sort()).toEqual(['base', 'etc', 'two']);
    const blobs = (await registry.given()).filter((path) => path.includes('/blobs/') && path.includes('shared/'));
    // A description and a layer of each, and what they share.
    expect(blobs).toHaveLength(5);
    let isClosed = false;
    const door = await serve((request, response) => {
      if (isClosed && request.method === 'HEAD') response.writeHead(403).end();
      else passOn(request, response);
    });
    await use(store, door, 'shared/three');
    isClosed = true;
    expect(await ended(use(store, door, 'shared/four'))).toMatchObject({
      outcome: { error: { code: 'FX-IMAGE-ACCESS' } },
    });
  });
});
