/**
 * Whom the page reads as, by its address (`?as=`): one account for as long as the page is loaded, so that nothing that was asked for as one is shown as another's.
 * Undefined: as who is signed in.
 */
export const readAs: string | undefined =
  new URLSearchParams(globalThis.location.search).get('as')?.trim() || undefined;

const READ_AS = 'QarnotReadOnlyRequestForAccount';

/** What each request carries then. Of what no header can carry nobody is called. */
export const readAsHeaders: Readonly<Record<string, string>> =
  readAs === undefined ? {} : { [READ_AS]: readAs.replaceAll(/[^\x21-\x7e]/g, '?') };

/** Takes it out of one request, which is about who is signed in. */
export const asOneself = { [READ_AS]: null } as const;

/** The address of the dashboard as an account. @param account its e-mail */
export const addressAs = (account: string): string => `/ui/tasks?as=${encodeURIComponent(account)}`;
/** The address of one's own, where another account is chosen. */
export const OWN_ADDRESS = '/ui/people?tab=users';
