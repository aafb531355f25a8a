import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { ApiConnection } from './api-connection.js';
import { trusted } from './wire-types.js';

let server: http.Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

/** A platform that answers so. @returns its URL */
const answering = async (answer: http.RequestListener): Promise<string> => {
  server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const asking = (url: string) => new ApiConnection({ url, token: 't' });

it('says where nobody answers, and why', async () => {
  const url = await answering(() => undefined);
  await new Promise((resolve) => server?.close(resolve));
  await expect(asking(url).text('GET', '/x')).rejects.toThrow(`${url} cannot be reached: connect ECONNREFUSED`);
});

it('sends what it is to send, and reads letters that come in two pieces', async () => {
  const url = await answering((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      const text = Buffer.from(JSON.stringify({ body, type: request.headers['content-type'], é: '漢' }));
      const within = text.indexOf('漢') + 1;
      response.write(text.subarray(0, within), () => response.end(text.subarray(within)));
    });
  });
  const answer = await asking(url).json('POST', '/x', trusted(), { body: { name: 'ü' } });
  expect(answer).toEqual({ body: '{"name":"ü"}', type: 'application/json', é: '漢' });
});

it('follows a platform that has moved, with what it asks', async () => {
  const url = await answering((request, response) => {
    if (request.url === '/old/x') response.writeHead(308, { location: '/new/x' }).end();
    else request.resume().on('end', () => response.end(`"${request.method ?? ''} ${request.url ?? ''}"`));
  });
  expect(await asking(`${url}/old`).json('POST', '/x', trusted(), { body: {} })).toBe('POST /new/x');
});

it('asks again where the connection of before was closed, but only what changes nothing', async () => {
  const used = new Set<Socket>();
  const url = await answering((request, response) => {
    // As if it had closed the connection while the request was on its way.
    if (used.has(request.socket)) request.socket.resetAndDestroy();
    else {
      used.add(request.socket);
      response.end('1');
    }
  });
  expect(await asking(url).text('GET', '/x')).toBe('1');
  expect(await asking(url).text('GET', '/x')).toBe('1');
  await expect(asking(url).text('POST', '/x')).rejects.toThrow('cannot be reached: read ECONNRESET');
  expect(used.size).toBe(2);
});

it('ends with the reason of whoever ends it, before and after the answer began', async () => {
  const controller = new AbortController();
  const url = await answering((_, response) => {
    response.write('1');
    controller.abort(new Error('enough'));
  });
  await expect(asking(url).text('GET', '/x', { signal: controller.signal })).rejects.toThrow('enough');
  await expect(asking(url).text('GET', '/x', { signal: controller.signal })).rejects.toThrow('enough');
});

it('an answer that breaks off is none', async () => {
  const url = await answering((_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{"half":', () => response.destroy());
  });
  await expect(asking(url).text('GET', '/x')).rejects.toThrow('cannot be reached');
});
