import type { RouteDoor } from '@fornax/identity';

/** For pages that everybody may read. */
export const ANONYMOUS: { readonly config: { readonly door: RouteDoor } } = { config: { door: { isAnonymous: true } } };

/**
 * Headers of a page that we serve: everything comes from this origin, and nothing on it may be framed, posted or run from elsewhere.
 * @param inlineScripts `sha256-…` of each script inside the page that may run (CSP level 3, hash-source)
 */
export const pageHeaders = (inlineScripts: readonly string[]): Readonly<Record<string, string>> => ({
  'content-security-policy':
    `default-src 'none'; script-src ${["'self'", ...inlineScripts.map((hash) => `'${hash}'`)].join(' ')}; ` +
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
});
