const TEXTS: Readonly<Record<string, string>> = {
  'provider-away': 'The identity provider cannot be reached. Try again, or sign in with a token.',
  'provider-refused': 'The identity provider did not let you in.',
  'not-valid': 'This sign-in was begun elsewhere, took too long, or was used already. Begin again.',
  'no-account': 'You have no account here. An operator makes one.',
  'account-disabled': 'Your account is disabled. An operator enables it.',
  'email-missing': 'The identity provider told no e-mail address of yours that can be used here.',
  'email-unverified': 'The identity provider has not verified your e-mail address.',
  'email-taken':
    'There is an account with your e-mail address already. Sign in with its token, or have an operator link it (fornax user link).',
  'claim-missing': 'The identity provider did not say what you may do here. An operator looks at its settings.',
  'organization-unknown': 'Your organization is not known here. An operator makes it.',
  'platform-away': 'You could not be signed in just now. Try again.',
};

/** What to tell somebody who was not signed in by the OpenID provider. Nothing of the address is shown. */
export const textOfTrouble = (trouble: string | undefined): string | undefined => {
  if (trouble === undefined) return undefined;
  return TEXTS[trouble] ?? 'You could not be signed in by the identity provider.';
};
