import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ANONYMOUS, pageHeaders } from '../openapi/page-headers.js';
import { siteReader, TYPES } from '../openapi/site-files.js';

const require = createRequire(import.meta.url);

/** Where the built dashboard lies in this installation. */
export const builtDashboard = (): string => join(dirname(require.resolve('@fornax/dashboard/package.json')), 'dist');

/** What the build writes where the nonce of an answer belongs. */
const NONCE_PLACE = '__FORNAX_CSP_NONCE__';
const PAGE = 'index.html';

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Fornax</title></head>
<body><p>The dashboard is not built: <code>npm run build</code> in the checkout builds it.</p></body></html>
`;

/**
 * Sends people who open the API in a browser to the dashboard. Programs do not ask for HTML, or bring a token; they are answered by the route itself.
 * Call before what asks for tokens or
 * looks for them in cookies.
 */
export const welcomeBrowsers = (fastify: FastifyInstance): void => {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { method, headers } = request;
    const isPage = method === 'GET' && request.url.split('?', 1)[0] === '/';
    const isProgram = headers.authorization !== undefined || headers.accept?.includes('text/html') !== true;
    if (!isPage || isProgram) return done();
    void reply.redirect('/ui/', 302);
  });
};

/**
 * `/ui/`: the dashboard, from the folder that its build makes. Only files of its list are served; every other address is one of its pages, which the
 * page itself tells apart. Files carry a hash of their content in their names and are kept for good, the page is asked for again each time.
 * @param storageUrl of the S3 endpoint, which the page uploads to and downloads from
 */
export const dashboardRoutes = (fastify: FastifyInstance, folder: string, storageUrl: string | undefined): void => {
  const readSite = siteReader(folder);
  const elsewhere = storageUrl === undefined ? [] : [new URL(storageUrl).origin];

  const sendPage = async (reply: FastifyReply): Promise<FastifyReply> => {
    const nonce = randomBytes(16).toString('base64');
    const text = await readFile(join(folder, PAGE), 'utf8');
    return reply
      .headers(pageHeaders([], { styleNonce: nonce, elsewhere }))
      .headers({ 'content-type': TYPES['.html'], 'cache-control': 'no-store' })
      .send(text.replaceAll(NONCE_PLACE, nonce));
  };

  const send = async (reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const site = await readSite();
    if (site === undefined)
      return reply.status(404).headers(pageHeaders([])).header('content-type', TYPES['.html']).send(NOT_BUILT);
    const isAsset = path.startsWith('assets/');
    if (!site.files.has(path) || path === PAGE) {
      // What a newer build took away is gone: a page in its place would be run as a script.
      if (!isAsset) return sendPage(reply);
      return reply.status(404).headers(pageHeaders([])).header('content-type', 'text/plain').send('Not found\n');
    }
    return reply
      .headers({
        ...pageHeaders([]),
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'cache-control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache',
      })
      .send(await readFile(join(folder, path)));
  };

  fastify.get('/ui', ANONYMOUS, (_, reply) => send(reply, PAGE));
  fastify.get<{ Params: { '*': string } }>('/ui/*', ANONYMOUS, (request, reply) => send(reply, request.params['*']));
};
