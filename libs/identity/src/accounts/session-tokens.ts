import { randomBytes } from 'node:crypto';

/** By which scanners for leaked secrets know them, and by which nobody takes one for the other: what a token is for stands in its text. */
const PREFIX = { token: 'fx_', session: 'fxs_', link: 'fxl_' } as const;
export type TokenKind = keyof typeof PREFIX;

/** A new token of a kind: 256 random bits. */
export const newTokenOf = (kind: TokenKind): string => `${PREFIX[kind]}${randomBytes(32).toString('base64url')}`;

/** A new code of a link: it names the token that made it, which nobody can change in it, since a code is known by its hash. */
export const newSignInCode = (madeBy: string): string =>
  `${PREFIX.link}${madeBy}.${newTokenOf('link').slice(PREFIX.link.length)}`;

/** The token that made the code of a link. */
export const makerOfCode = (code: string): string => code.slice(PREFIX.link.length).split('.', 1)[0] ?? '';

/** What a browser holds in its cookie. */
export const isSessionToken = (text: string): boolean => text.startsWith(PREFIX.session);

/** What opens one session and nothing else. */
export const isSignInCode = (text: string): boolean => text.startsWith(PREFIX.link);
