import type { IncomingHttpHeaders } from 'node:http';
import { isOverTls, SIGN_IN_COOKIE } from '@fornax/identity';
import { z } from 'zod';

/** How long somebody may take at the provider. */
export const FLOW_LASTS_MS = 10 * 60_000;

/** What a browser keeps of a sign-in that is under way, sealed: only who began it can end it. */
const flowSchema = z.object({
  kind: z.literal('fornax sign-in'),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** Where on the dashboard it began. */
  to: z.string(),
  expiresAt: z.number(),
});
export type Flow = z.output<typeof flowSchema>;

/** @returns undefined for what is none, or took too long */
export const flowIn = (text: string | undefined, now: number): Flow | undefined => {
  if (text === undefined) return undefined;
  try {
    const flow = flowSchema.parse(JSON.parse(text));
    return flow.expiresAt > now ? flow : undefined;
  } catch {
    return undefined;
  }
};

const HOME = '/ui/';

/** A place on the dashboard to come back to; anything else is its first page, so that nobody is led elsewhere. */
export const placeOnDashboard = (to: string | undefined): string => {
  // No browser reads these as a part of a path of ours, or some read them as another host.
  if (to === undefined || to.length > 2_000 || /[\\\u0000-\u0020\u007f]/.test(to)) return HOME;
  const base = 'http://dashboard.invalid';
  if (!to.startsWith(HOME) || !URL.canParse(to, base)) return HOME;
  const { origin, pathname, search } = new URL(to, base);
  return origin === base && pathname.startsWith(HOME) ? `${pathname}${search}` : HOME;
};

/** The page with what went wrong: a word of ours, never a text of the provider's. */
export const troublePage = (trouble: string): string => `${HOME}#sign-in-trouble=${trouble}`;

/** `Lax`, since the provider sends the browser back: a strict cookie would not come along. */
const cookieWith = (headers: IncomingHttpHeaders, value: string, maxAgeSeconds: number): string => {
  const isSecure = isOverTls(headers);
  const name = isSecure ? `__Host-${SIGN_IN_COOKIE}` : SIGN_IN_COOKIE;
  const parts = [`${name}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Lax', `Max-Age=${maxAgeSeconds}`];
  return [...parts, ...(isSecure ? ['Secure'] : [])].join('; ');
};

export const flowCookie = (headers: IncomingHttpHeaders, sealed: string): string =>
  cookieWith(headers, Buffer.from(sealed, 'utf8').toString('base64url'), FLOW_LASTS_MS / 1000);

export const noFlowCookie = (headers: IncomingHttpHeaders): string => cookieWith(headers, '', 0);

/** What is sealed in the cookie that `presentSession` left, if there is one. */
export const sealedFlowIn = ({ cookie }: IncomingHttpHeaders): string | undefined => {
  const value = cookie?.split('=', 2)[1];
  return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64url').toString('utf8');
};
