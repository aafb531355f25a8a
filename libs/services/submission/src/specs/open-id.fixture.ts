import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OPEN_ID_CLIENT as CLIENT, type Claims, type OpenIdProvider } from '@fornax/testing/open-id';

const listening = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });

/** What is wrong with what a provider says. */
export interface Lie {
  /** Over the right claims of a token. */
  readonly claims?: Claims;
  readonly isSignedByAnother?: boolean;
  /** Answers of the place where codes are exchanged. */
  readonly status?: number;
}

/** A provider that signs what it is told to, or what another key signed. */
export interface LyingProvider extends OpenIdProvider {
  lie: Lie;
  /** How often a code was exchanged. */
  readonly exchanges: number;
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const startLyingProvider = async (): Promise<LyingProvider> => {
  const [own, other] = [0, 1].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const state: { lie: Lie; exchanges: number } = { lie: {}, exchanges: 0 };
  const challenges = new Map<string, { readonly nonce: string; readonly challenge: string }>();
  let issuer = '';

  const token = (nonce: string): string => {
    const now = Math.floor(Date.now() / 1000);
    const right = {
      iss: issuer,
      aud: CLIENT.id,
      sub: 'mallory',
      email: 'mallory@lies.example',
      email_verified: true,
      nonce,
      iat: now,
      exp: now + 300,
    };
    const signed = `${encoded({ alg: 'RS256', kid: 'k' })}.${encoded({ ...right, ...state.lie.claims })}`;
    const key = state.lie.isSignedByAnother === true ? other : own;
    const signature = key && createSign('RSA-SHA256').update(signed).sign(key.privateKey, 'base64url');
    return `${signed}.${signature}`;
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    const json = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/jwks')
      return json(200, { keys: [{ ...own?.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] });
    if (url.pathname === '/authorize') {
      const code = String(challenges.size);
      const { searchParams: asked } = url;
      challenges.set(code, { nonce: asked.get('nonce') ?? '', challenge: asked.get('code_challenge') ?? '' });
      const back = `${asked.get('redirect_uri')}?code=${code}&state=${asked.get('state')}`;
      return void response.writeHead(302, { location: back }).end();
    }
    if (url.pathname === '/token') {
      state.exchanges += 1;
      let body = '';
      request.on('data', (part) => (body += String(part)));
      request.on('end', () => {
        if (state.lie.status !== undefined) return json(state.lie.status, { error: 'invalid_grant' });
        const form = new URLSearchParams(body);
        const known = challenges.get(form.get('code') ?? '');
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url');
        if (known?.challenge !== challenge) return json(400, { error: 'invalid_grant' });
        json(200, { access_token: 'a', token_type: 'Bearer', id_token: token(known.nonce) });
      });
      return;
    }
    const at = (path: string): string => `${issuer}${path}`;
    json(200, {
      issuer,
      authorization_endpoint: at('/authorize'),
      token_endpoint: at('/token'),
      jwks_uri: at('/jwks'),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
    });
  });
  issuer = await listening(server);
  return {
    issuer,
    get lie() {
      return state.lie;
    },
    set lie(lie) {
      state.lie = lie;
    },
    get exchanges() {
      return state.exchanges;
    },
    close: () => closed(server),
  };
};

/** A browser without pages: it keeps cookies, and follows where it is sent. */
export class CookieBrowser {
  readonly #cookies = new Map<string, string>();

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /** Puts cookies of another browser into this one. */
  plant(name: string, value: string): void {
    this.#cookies.set(name, value);
  }

  /** One step. Cookies are kept by name alone: hosts of the specs differ in their ports only, which cookies do not. */
  async go(
    url: string,
  ): Promise<{ readonly status: number; readonly location: string; readonly cookies: readonly string[] }> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie, 'sec-fetch-site': 'cross-site' } });
    const text = await response.text();
    if (response.status >= 500) throw new Error(`${url}: ${response.status} ${text}`);
    const cookies = response.headers.getSetCookie();
    for (const one of cookies) {
      const [pair = ''] = one.split(';', 1);
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (value === '' || /max-age=0/i.test(one)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const location = response.headers.get('location');
    return { status: response.status, location: location === null ? '' : new URL(location, url).href, cookies };
  }

  /** Follows from an address until one that begins so, or until nothing leads on. @returns that address */
  async until(from: string, isThere: (url: string) => boolean): Promise<string> {
    let url = from;
    for (let step = 0; step < 10 && !isThere(url); step += 1) {
      const { location } = await this.go(url);
      if (location === '') return url;
      url = location;
    }
    return url;
  }
}
