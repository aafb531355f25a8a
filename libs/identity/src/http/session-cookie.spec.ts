import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { presentSession, sessionCookie } from './session-cookie.js';

const SESSION = 'fxs_one';
const OWN = {
  'sec-fetch-site': 'same-origin',
  'fornax-session': '1',
  host: 'fornax.lab',
  origin: 'https://fornax.lab',
};

/** What the rest of the platform sees of a request with the cookie. */
const seen = (method: string, headers: object): string | undefined => {
  const request = { method, headers: { cookie: `a=b; fornax_session=${SESSION}`, ...headers } };
  presentSession(request as unknown as IncomingMessage);
  expect(request.headers.cookie).toBeUndefined();
  return (request.headers as { authorization?: string }).authorization;
};

describe('the cookie of a sign-in that is under way', () => {
  const left = (url: string, headers: object): string | undefined => {
    const cookie = 'fornax_session=fxs_one; fornax_sign_in=plain; __Host-fornax_sign_in=tls';
    const request: { readonly headers: { cookie?: string } } = { headers: { cookie, ...headers } };
    presentSession({ ...request, url, method: 'GET' } as unknown as IncomingMessage);
    return request.headers.cookie;
  };

  it('goes on to the address that the provider sends back to, and nowhere else', () => {
    const back = '/fornax/v1/sign-in/openid/callback';
    expect(left(`${back}?code=c`, { 'sec-fetch-site': 'cross-site' })).toBe('fornax_sign_in=plain');
    for (const url of [`${back}/more`, '/fornax/v1/sign-in/openid', '/tasks']) expect(left(url, {})).toBeUndefined();
  });

  it('counts behind TLS under the name that no neighbor can set', () => {
    const back = '/fornax/v1/sign-in/openid/callback';
    expect(left(back, { 'x-forwarded-proto': 'https' })).toBe('__Host-fornax_sign_in=tls');
  });
});

describe('the session of a browser', () => {
  it('stands for a token where our own page asks', () => {
    expect([seen('GET', {}), seen('GET', { 'sec-fetch-site': 'same-origin' }), seen('POST', OWN)]).toEqual(
      Array(3).fill(`Bearer ${SESSION}`),
    );
  });

  it('reads where a person typed the address, and changes nothing there', () => {
    const typed = { ...OWN, 'sec-fetch-site': 'none' };
    expect([seen('GET', typed), seen('POST', typed)]).toEqual([`Bearer ${SESSION}`, undefined]);
  });

  it.each([
    ['another site', { ...OWN, 'sec-fetch-site': 'cross-site' }],
    ['another port of the same host', { ...OWN, 'sec-fetch-site': 'same-site' }],
    ['another origin, by an old browser', { ...OWN, 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['an origin that is none', { ...OWN, 'sec-fetch-site': undefined, origin: 'null' }],
    ['a form, which sends no header of ours', { ...OWN, 'fornax-session': undefined }],
  ])('counts as none in what %s sends', (_, headers) => expect(seen('POST', headers)).toBeUndefined());

  it('is told by the host that a proxy was asked for', () => {
    const behind = { ...OWN, host: '127.0.0.1:8080', 'x-forwarded-host': 'fornax.lab' };
    expect(seen('POST', behind)).toBe(`Bearer ${SESSION}`);
  });

  it('counts less than a token that the request brings, and is no place for one', () => {
    expect(seen('GET', { authorization: 'fx_mine' })).toBe('fx_mine');
    expect(seen('GET', { cookie: 'fornax_session=fx_mine' })).toBeUndefined();
  });

  it('behind TLS is none that a neighbor could have set, whatever stands first', () => {
    const planted = 'fornax_session=fxs_planted';
    const tls = { ...OWN, 'x-forwarded-proto': 'https' };
    expect(seen('POST', { ...tls, cookie: planted })).toBeUndefined();
    for (const headers of [tls, OWN])
      expect(seen('POST', { ...headers, cookie: `${planted}; __Host-fornax_session=${SESSION}` })).toBe(
        `Bearer ${SESSION}`,
      );
  });

  it('is for no script and no other site, and behind TLS for one host alone', () => {
    expect(sessionCookie({}, SESSION, 60_500)).toBe(
      'fornax_session=fxs_one; Path=/; HttpOnly; SameSite=Strict; Max-Age=60',
    );
    expect(sessionCookie({ 'x-forwarded-proto': 'https' }, SESSION, 1_000)).toBe(
      '__Host-fornax_session=fxs_one; Path=/; HttpOnly; SameSite=Strict; Max-Age=1; Secure',
    );
  });
});
