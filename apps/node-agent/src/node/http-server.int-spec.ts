import type { Server } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { portOf, serveHttp } from './http-server.js';

const TOKEN = 'a-token-for-metrics';

describe("the agent's own port", () => {
  let server: Server | undefined;
  afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

  const start = async (token: string | undefined) => {
    server = await serveHttp(0, {
      token,
      isReady: () => true,
      health: () => ({ warnings: ['no user namespaces'] }),
      metrics: () => Promise.resolve({ type: 'text/plain', text: 'fornax_leases 1\n' }),
    });
    const url = `http://127.0.0.1:${portOf(server)}`;
    return async (path: string, authorization?: string) => {
      const headers = { connection: 'close', ...(authorization === undefined ? {} : { authorization }) };
      const response = await fetch(url + path, { headers });
      return [response.status, await response.text()] as const;
    };
  };

  it('tells whoever asks that it works, and what else there is only with the token', async () => {
    const get = await start(TOKEN);
    expect(await get('/health')).toEqual([200, '{"ready":true}']);
    expect(await get('/health', 'wrong')).toEqual([200, '{"ready":true}']);
    expect(await get('/health', TOKEN)).toEqual([200, '{"ready":true,"warnings":["no user namespaces"]}']);
    expect((await get('/metrics'))[0]).toBe(401);
    expect((await get('/metrics', 'wrong'))[0]).toBe(401);
    expect(await get('/metrics', `Bearer ${TOKEN}`)).toEqual([200, 'fornax_leases 1\n']);
  });

  it('shows metrics to nobody when there is no token', async () => {
    const get = await start(undefined);
    expect((await get('/metrics'))[0]).toBe(401);
    expect((await get('/metrics', ''))[0]).toBe(401);
    expect((await get('/metrics', 'undefined'))[0]).toBe(401);
  });
});
