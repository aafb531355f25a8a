import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { rewriteUrl } from '../rewrite-url.js';
import { docsSiteRoutes } from './docs-site.js';

const SCRIPT = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

const appOn = (folder: string): FastifyInstance => {
  const app = fastify({ rewriteUrl: ({ url }) => rewriteUrl(url ?? '/'), routerOptions: { caseSensitive: false } });
  docsSiteRoutes(app, folder);
  return app;
};

const write = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
  }
};

const manifest = (files: readonly string[]): Readonly<Record<string, string>> => ({
  'site.json': JSON.stringify({ sources: 'x', scripts: [SCRIPT], files }),
});

describe('the documentation at /docs/', () => {
  let base = '';
  let app: FastifyInstance;
  const get = (url: string, headers = {}) => app.inject({ method: 'GET', url, headers });

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'fornax-docs-'));
    const pages = {
      'index.html': 'home',
      '404.html': 'nothing here',
      'guide/index.html': 'guide',
      'guide/output.html': 'output',
      'assets/App.Ab12.js': 'run()',
    };
    await write(base, { 'secret.txt': 'secret', 'site/unlisted.html': 'unlisted' });
    await write(join(base, 'site'), { ...pages, ...manifest(Object.keys(pages)) });
    app = appOn(join(base, 'site'));
  });

  afterAll(async () => {
    await app.close();
    await rm(base, { recursive: true, force: true });
  });

  it('leads to the address from which the relative links of a page lead to pages', async () => {
    for (const [url, own] of [
      ['/docs', '/docs/'],
      ['/docs/guide', '/docs/guide/'],
      ['/docs/guide?q=1', '/docs/guide/'],
      ['/docs/guide/output/', '/docs/guide/output'],
      ['/docs/guide/output.html/', '/docs/guide/output'],
    ] as const) {
      const { statusCode, headers } = await get(url);
      expect([url, statusCode, headers.location]).toEqual([url, 308, own]);
    }
  });

  it('answers pages by their clean addresses', async () => {
    for (const [url, body] of [
      ['/docs/', 'home'],
      ['/docs/?q=1', 'home'],
      ['/docs/guide/', 'guide'],
      ['/docs/guide/index.html', 'guide'],
      ['/docs/guide/output', 'output'],
      ['/docs/guide/output.html', 'output'],
      ['/docs/assets/App.Ab12.js', 'run()'],
    ] as const) {
      const { statusCode, body: text } = await get(url);
      expect([url, statusCode, text]).toEqual([url, 200, body]);
    }
    expect(await app.inject({ method: 'HEAD', url: '/docs/guide/' })).toMatchObject({ statusCode: 200, body: '' });
  });

  it('serves nothing that is not in the list of the build', async () => {
    const tries = [
      'unlisted',
      'site.json',
      '../secret.txt',
      '..%2Fsecret.txt',
      '%2e%2e/secret.txt',
      'guide/../../secret.txt',
    ];
    for (const path of [...tries, '..%5Csecret.txt', 'index.html%00', 'constructor', '__proto__', 'assets']) {
      const { statusCode, body } = await get(`/docs/${path}`);
      expect([path, statusCode]).toEqual([path, 404]);
      expect(body).not.toMatch(/secret$|unlisted|sources/);
    }
  });

  it('allows the scripts that the build listed and no other ones', async () => {
    const { headers } = await get('/docs/guide/');
    expect(headers['content-security-policy']).toContain(`script-src 'self' '${SCRIPT}';`);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('lets what carries a hash be kept, and a page be asked for by its ETag', async () => {
    expect((await get('/docs/assets/App.Ab12.js')).headers['cache-control']).toContain('immutable');
    const { headers } = await get('/docs/guide/');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await get('/docs/guide/', { 'if-none-match': headers.etag });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('says how to build it where it is not built, and serves it as soon as it is, and what a later build changes', async () => {
    const folder = join(base, 'later');
    const later = appOn(folder);
    const ask = async () => {
      const { statusCode, body } = await later.inject({ method: 'GET', url: '/docs/new' });
      return [statusCode, body] as const;
    };
    expect(await ask()).toEqual([404, expect.stringContaining('npm run build')]);
    await write(folder, { 'index.html': 'home', '404.html': 'nothing', ...manifest(['index.html', '404.html']) });
    expect(await ask()).toEqual([404, 'nothing']);
    await write(folder, { 'new.html': 'new', ...manifest(['index.html', '404.html', 'new.html']) });
    await utimes(join(folder, 'site.json'), 1, 1);
    expect(await ask()).toEqual([200, 'new']);
    await later.close();
  });
});
