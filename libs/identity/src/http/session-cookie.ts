import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isSessionToken } from '../accounts/session-tokens.js';

const NAME = 'fornax_session';
/** Browsers take a cookie of this name only with `Secure` and from one host (RFC 6265bis, 4.1.3.2). */
const SECURE_NAME = `__Host-${NAME}`;

/** Holds what a browser keeps while it is at an OpenID provider, for the address that it comes back to alone. */
export const SIGN_IN_COOKIE = 'fornax_sign_in';
const CAME_BACK = /^\/fornax\/v1\/sign-in\/openid\/callback(?:\?|$)/i;

/** What the page sends with all that it asks: no other page may, because the answer to the question whether it may is not given. */
export const SESSION_HEADER = 'fornax-session';

const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD'];

/** Whether a request came over TLS, by the word of the proxy in front. A client that lies about it keeps its own cookie from itself. */
export const isOverTls = (headers: IncomingHttpHeaders): boolean =>
  String(headers['x-forwarded-proto'] ?? '')
    .split(',', 1)[0]
    ?.trim() === 'https';

const cookieWith = (headers: IncomingHttpHeaders, value: string, maxAgeSeconds: number): string => {
  const isSecure = isOverTls(headers);
  const parts = [`${isSecure ? SECURE_NAME : NAME}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Strict'];
  return [...parts, `Max-Age=${maxAgeSeconds}`, ...(isSecure ? ['Secure'] : [])].join('; ');
};

/** `Set-Cookie` of a session. */
export const sessionCookie = (headers: IncomingHttpHeaders, token: string, lastsMs: number): string =>
  cookieWith(headers, token, Math.floor(lastsMs / 1000));

/** `Set-Cookie` that takes the session out of the browser. */
export const noSessionCookie = (headers: IncomingHttpHeaders): string => cookieWith(headers, '', 0);

/** The session among the cookies of a request. The plain name is anybody's on another port, and of a site of this one's: over TLS it counts as none. */
const tokenIn = ({ cookie = '', ...headers }: IncomingHttpHeaders): string | undefined => {
  const values = new Map(
    cookie.split(';').flatMap((one) => {
      const [name = '', value = ''] = one.trim().split('=', 2);
      return isSessionToken(value) ? [[name, value] as const] : [];
    }),
  );
  return values.get(SECURE_NAME) ?? (isOverTls(headers) ? undefined : values.get(NAME));
};

/** The cookie of a sign-in that is under way, by the name that counts here. */
const signInCookieOf = ({ cookie = '', ...headers }: IncomingHttpHeaders): string | undefined => {
  const name = isOverTls(headers) ? `__Host-${SIGN_IN_COOKIE}` : SIGN_IN_COOKIE;
  return cookie
    .split(';')
    .map((one) => one.trim())
    .find((one) => one.startsWith(`${name}=`));
};

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

/**
 * Whether a request with a cookie comes from our own page. What changes something says so in a header that no other origin may send; what browsers
 * say about where a request comes from (`Sec-Fetch-Site`, `Origin`) must agree. An address that a person typed may read.
 */
const isFromOurPage = ({ method, headers }: IncomingMessage): boolean => {
  const site = headers['sec-fetch-site'];
  const isSafe = SAFE_METHODS.includes(method);
  if (site !== undefined && site !== 'same-origin' && !(isSafe && site === 'none')) return false;
  if (isSafe) return true;
  if (headers[SESSION_HEADER] === undefined) return false;
  const { origin } = headers;
  if (origin === undefined) return true;
  const from = hostOf(origin);
  return from !== undefined && [headers.host, headers['x-forwarded-host']].includes(from);
};

/**
 * Puts the session of a request's cookie in the place of a token, which all else reads. A request that brings a token means that one; a cookie that comes from
 * elsewhere than our page counts as none. The cookie goes no further.
 */
export const presentSession = (request: IncomingMessage): void => {
  const { headers } = request;
  if (headers.cookie === undefined) return;
  const token = tokenIn(headers);
  const signIn = CAME_BACK.test(request.url ?? '') ? signInCookieOf(headers) : undefined;
  delete headers.cookie;
  if (signIn !== undefined) headers.cookie = signIn;
  if ((headers.authorization ?? '') !== '' || !isFromOurPage(request)) return;
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
};
