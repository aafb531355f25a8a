import { api, bodyOf, refuse, SESSION_HEADERS } from './client.ts';
import { asOneself } from './read-as.ts';
import type { Me, Read } from './wire.ts';

/** The account that the page reads as. */
export const readMe = (): Promise<Me> => bodyOf(api.GET('/fornax/v1/me'));

/** The account that is signed in, whomever the page reads as. */
export const readSignedIn = (): Promise<Me> => bodyOf(api.GET('/fornax/v1/me', { headers: asOneself }));

/** Exchanges a token, or the code of a link, for the cookie of a session. It is kept nowhere. @throws Refused */
export const signIn = async (token: string): Promise<void> => {
  const headers = { ...SESSION_HEADERS, authorization: `Bearer ${token}` };
  const response = await fetch('/fornax/v1/session', { method: 'POST', headers });
  if (!response.ok) refuse(response.status, await response.json().catch(() => undefined));
};

export const signOut = async (): Promise<void> => {
  await bodyOf(api.DELETE('/fornax/v1/session', { headers: asOneself }));
};

/** How one signs in beside a token; undefined where that cannot be learned, and a token does it anyway. */
export const readSignInWays = (): Promise<Read<'/fornax/v1/sign-in'>> => bodyOf(api.GET('/fornax/v1/sign-in'));

const TROUBLE = '#sign-in-trouble=';

/** What the platform says of a sign-in by its OpenID provider that failed, as a word; taken out of the address. */
export const takeTrouble = (): string | undefined => takeFragment(TROUBLE);

const takeFragment = (beginning: string): string | undefined => {
  const { hash, pathname, search } = globalThis.location;
  if (!hash.startsWith(beginning)) return undefined;
  globalThis.history.replaceState(globalThis.history.state, '', `${pathname}${search}`);
  return hash.slice(beginning.length);
};

const FRAGMENT = '#sign-in=';

/** The code of the link by which this page was opened, taken out of the address and of the history of the browser. */
export const takeCode = (): string | undefined => takeFragment(FRAGMENT);
