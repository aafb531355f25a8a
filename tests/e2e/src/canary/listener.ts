import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Takes whatever it is sent, says yes, and remembers all of it: a collector of traces and metrics, or a receiver of webhooks. */
export const startListener = async () => {
  const heard: { readonly path: string; readonly content: Buffer }[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { method, url: path = '', rawHeaders } = request;
      heard.push({
        path,
        content: Buffer.concat([Buffer.from(`${method} ${path} ${JSON.stringify(rawHeaders)}\n`), body]),
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** @param end of the paths that are meant */
    heard: (end = ''): Buffer =>
      Buffer.concat(heard.filter(({ path }) => path.endsWith(end)).map(({ content }) => content)),
    close: async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
