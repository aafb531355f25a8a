import { beforeAll, describe, expect, it } from '@jest/globals';
import { call } from './call.js';

interface Operation {
  readonly method: string;
  readonly path: string;
}

/** What a stranger may ask (architecture, section 10). Everything else is 401, whatever the path, body or method. */
const OPEN = new Set([
  'GET /settings',
  'GET /versions',
  'GET /fornax/v1/sign-in',
  'GET /health',
  'GET /health/live',
  'GET /health/ready',
  'GET /openapi.json',
  'GET /docs',
  'GET /docs/api',
]);

let operations: readonly Operation[] = [];

beforeAll(async () => {
  const { text } = await call('GET', '/openapi.json');
  const { paths } = JSON.parse(text) as { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => ['get', 'put', 'post', 'delete', 'patch'].includes(method))
      .map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{[^}]+\}/g, 'x') })),
  );
});

describe('a client without a token', () => {
  it('is refused by every operation of the API document but the open ones', async () => {
    expect(operations.length).toBeGreaterThan(80);
    const answered: string[] = [];
    for (const { method, path } of operations) {
      if (OPEN.has(`${method} ${path}`)) continue;
      const { status } = await call(method, path);
      if (status !== 401) answered.push(`${method} ${path}: ${status}`);
    }
    expect(answered).toEqual([]);
  });

  it.each(['wrong', 'Bearer wrong', `${'x'.repeat(4000)}`, '\u00ff'])(
    'is refused with a token that nobody has (%#)',
    async (token) => {
      const { status, text } = await call('GET', '/info', { token });
      expect(status).toBe(401);
      expect(JSON.parse(text)).toMatchObject({ message: expect.any(String), error: { code: 401 } });
    },
  );
});
