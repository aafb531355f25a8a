import { api, bodyOf, refuse, SESSION_HEADERS } from './client.ts';
import type { Me } from './wire.ts';

export const readMe = (): Promise<Me> => bodyOf(api.GET('/fornax/v1/me'));

/** Exchanges a token, or the code of a link, for the cookie of a session. It is kept nowhere. @throws Refused */
export const signIn = async (token: string): Promise<void> => {
  const headers = { ...SESSION_HEADERS, authorization: `Bearer ${token}` };
  const response = await fetch('/fornax/v1/session', { method: 'POST', headers });
  if (!response.ok) refuse(response.status, await response.json().catch(() => undefined));
};

export const signOut = async (): Promise<void> => {
  await bodyOf(api.DELETE('/fornax/v1/session'));
};

const FRAGMENT = '#sign-in=';

/** The code of the link by which this page was opened, taken out of the address and of the history of the browser. */
export const takeCode = (): string | undefined => {
  const { hash, pathname, search } = globalThis.location;
  if (!hash.startsWith(FRAGMENT)) return undefined;
  globalThis.history.replaceState(globalThis.history.state, '', `${pathname}${search}`);
  return hash.slice(FRAGMENT.length);
};
