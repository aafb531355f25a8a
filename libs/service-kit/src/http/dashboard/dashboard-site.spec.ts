import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { dashboardRoutes, welcomeBrowsers } from './dashboard-site.js';

let folder = '';
let app: FastifyInstance;
const get = (url: string, headers = {}) => app.inject({ method: 'GET', url, headers });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-dashboard-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<meta nonce="__FORNAX_CSP_NONCE__">');
  await writeFile(join(folder, 'assets/a-1.js'), 'run()');
  await writeFile(join(folder, 'site.json'), JSON.stringify({ scripts: [], files: ['index.html', 'assets/a-1.js'] }));
  app = fastify();
  welcomeBrowsers(app);
  app.get('/', () => 'api');
  dashboardRoutes(app, folder, 'http://127.0.0.1:9000');
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the dashboard at /ui', () => {
  it('is where a browser is led that opens the API, and no program', async () => {
    expect((await get('/', { accept: 'text/html,*/*' })).headers.location).toBe('/ui/');
    expect((await get('/', { accept: '*/*' })).body).toBe('api');
    expect((await get('/', { accept: 'text/html', authorization: 'token' })).body).toBe('api');
  });

  it.each(['/ui', '/ui/', '/ui/tasks/x?tab=output', '/ui/index.html', '/ui/site.json', '/ui/..%2F..%2Fsecret'])(
    'answers %s with the page, whose nonce is that of its policy and new each time',
    async (url) => {
      const [first, second] = [await get(url), await get(url)];
      const [, nonce] = /nonce="([A-Za-z0-9+/=]{24})"/.exec(first.body) ?? [];
      const policy = String(first.headers['content-security-policy']);
      expect([first.statusCode, first.headers['cache-control']]).toEqual([200, 'no-store']);
      expect(policy).toContain(`style-src 'self' 'nonce-${nonce}';`);
      expect(policy).toContain("script-src 'self';");
      expect(policy).not.toContain('unsafe');
      expect(policy).toContain("connect-src 'self' http://127.0.0.1:9000;");
      expect(second.body).not.toBe(first.body);
    },
  );

  it('lets what carries a hash be kept for good, and has no page in the place of a script that is gone', async () => {
    const { headers, body } = await get('/ui/assets/a-1.js');
    expect([body, headers['cache-control'], headers['content-type']]).toEqual([
      'run()',
      'public, max-age=31536000, immutable',
      'text/javascript; charset=utf-8',
    ]);
    expect((await get('/ui/assets/gone.js')).statusCode).toBe(404);
  });
});
