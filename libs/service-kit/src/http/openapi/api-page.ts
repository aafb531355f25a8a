import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ANONYMOUS, pageHeaders } from './page-headers.js';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fornax API</title>
<link rel="stylesheet" href="/docs/api/swagger-ui.css">
<link rel="icon" href="/docs/api/favicon-32x32.png">
</head>
<body>
<p style="margin: 1em; font-family: sans-serif"><a href="/docs/">Documentation</a> · <a href="/openapi.json">openapi.json</a></p>
<noscript>This page needs JavaScript; the document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<div id="api"></div>
<script src="/docs/api/swagger-ui-bundle.js"></script>
<script src="/docs/api/start.js"></script>
</body>
</html>
`;

/** In a file of its own, because the page allows no script inside itself. The token stays in the memory of the page. */
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'none',
  validatorUrl: null,
  persistAuthorization: false,
});
`;

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const HEADERS = pageHeaders([]);

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve('swagger-ui-dist/package.json'));

/** `/docs/api`: a page to browse the OpenAPI document, from files that are installed with us; it works without the internet and a token. */
export const apiPageRoutes = (fastify: FastifyInstance): void => {
  const send = (reply: FastifyReply, type: string, body: string | Buffer): FastifyReply =>
    reply.headers({ ...HEADERS, 'content-type': type }).send(body);

  fastify.get('/docs/api', ANONYMOUS, (_, reply) => send(reply, 'text/html; charset=utf-8', PAGE));
  fastify.get('/docs/api/start.js', ANONYMOUS, (_, reply) => send(reply, 'text/javascript; charset=utf-8', START));
  for (const [name, type] of Object.entries(ASSETS)) {
    let content: Promise<Buffer> | undefined;
    fastify.get(`/docs/api/${name}`, ANONYMOUS, async (_, reply) => {
      content ??= readFile(join(folder, name));
      return send(reply, type, await content);
    });
  }
};
