import type { RouteDoor } from '@fornax/identity';

/** For pages that everybody may read. */
export const ANONYMOUS: { readonly config: { readonly door: RouteDoor } } = { config: { door: { isAnonymous: true } } };

export interface PageNeeds {
  /** Opens the styles of this answer alone, instead of all that stand in a page. */
  readonly styleNonce?: string;
  /** Origins besides ours that the page talks to and shows pictures of. */
  readonly elsewhere?: readonly string[];
}

/**
 * Headers of a page that we serve: everything comes from this origin, and nothing on it may be framed, posted or run from elsewhere.
 * @param inlineScripts `sha256-…` of each script inside the page that may run (CSP level 3, hash-source)
 */
export const pageHeaders = (
  inlineScripts: readonly string[],
  { styleNonce, elsewhere = [] }: PageNeeds = {},
): Readonly<Record<string, string>> => ({
  'content-security-policy':
    `default-src 'none'; script-src ${["'self'", ...inlineScripts.map((hash) => `'${hash}'`)].join(' ')}; ` +
    `style-src 'self' ${styleNonce === undefined ? "'unsafe-inline'" : `'nonce-${styleNonce}'`}; ` +
    `img-src ${["'self'", 'data:', ...elsewhere].join(' ')}; font-src 'self'; ` +
    `connect-src ${["'self'", ...elsewhere].join(' ')}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
});
