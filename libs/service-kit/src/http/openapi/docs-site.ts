import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ANONYMOUS, pageHeaders } from './page-headers.js';
import { siteReader, TYPES, type SiteFiles } from './site-files.js';

const require = createRequire(import.meta.url);

/** Where the built site lies in this installation. */
export const builtSite = (): string => join(dirname(require.resolve('@fornax/docs/package.json')), 'dist');

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Fornax documentation</title></head>
<body><p>The documentation is not built yet: <code>npm start</code> builds it in the background (reload in a minute),
<code>npm run build</code> in the checkout builds it at once. <a href="/docs/api">The API page</a> is there.</p></body></html>
`;

/** A page is asked for without `.html`, and the first page of a folder by the folder's name. */
const fileOf = ({ files }: SiteFiles, path: string): string | undefined =>
  [path, `${path}.html`, path === '' ? 'index.html' : `${path}/index.html`].find((name) => files.has(name));

/**
 * Where a page is asked for by an address from which its links, which are relative, would lead elsewhere: its own address. The first page of a
 * folder has a slash at its end, every other one has none.
 */
const ownAddress = (name: string, hasSlash: boolean): string | undefined => {
  if (!name.endsWith('.html')) return undefined;
  const folder = /^(?:(.*)\/)?index\.html$/.exec(name);
  if (folder !== null) return hasSlash ? undefined : `/docs/${folder[1] === undefined ? '' : `${folder[1]}/`}`;
  return hasSlash ? `/docs/${name.slice(0, -'.html'.length)}` : undefined;
};

/**
 * `/docs/`: the documentation, from the folder that `docs/build.mjs` makes. Only files of its list are served. Names in `assets/` carry a
 * hash of their content, so they are kept for good; pages are asked for again each time, by their ETag.
 */
export const docsSiteRoutes = (fastify: FastifyInstance, folder: string): void => {
  const readSite = siteReader(folder);

  const send = async (request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const site = await readSite();
    if (site === undefined)
      return reply.status(404).headers(pageHeaders([])).header('content-type', TYPES['.html']).send(NOT_BUILT);
    const found = fileOf(site, path);
    // Our router takes one slash at the end away, the address as it was sent has it.
    const [asked = ''] = (request.originalUrl || request.url).split('?', 1);
    const own = found === undefined || asked.endsWith('.html') ? undefined : ownAddress(found, asked.endsWith('/'));
    if (own !== undefined) return reply.redirect(own, 308);
    const name = found ?? '404.html';
    const content = await readFile(join(folder, name));
    const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
    reply.headers({
      ...pageHeaders(site.scripts),
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'cache-control': found?.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag,
    });
    if (found === undefined) return reply.status(404).send(content);
    return request.headers['if-none-match'] === etag ? reply.status(304).send() : reply.send(content);
  };

  // The links of its pages begin at `/docs/`.
  fastify.get('/docs', ANONYMOUS, (request, reply) => send(request, reply, ''));
  fastify.get<{ Params: { '*': string } }>('/docs/*', ANONYMOUS, (request, reply) =>
    send(request, reply, request.params['*']),
  );
};
