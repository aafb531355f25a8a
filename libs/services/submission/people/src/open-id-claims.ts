import type { AccountRole } from '@fornax/domain';
import type { ClaimRules } from './open-id-config.js';

/** Why somebody was not signed in: the page has words for each, and shows none of the provider's. */
export type SignInTrouble =
  | 'provider-away'
  | 'provider-refused'
  | 'not-valid'
  | 'no-account'
  | 'account-disabled'
  | 'email-missing'
  | 'email-unverified'
  | 'email-taken'
  | 'claim-missing'
  | 'organization-unknown'
  | 'platform-away';

/** Claims of an ID token that was verified. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who a provider says somebody is. The subject alone says who it is; the rest is what an account is made of, or follows. */
export interface Person {
  readonly subject: string;
  /** Undefined: the provider tells none that counts. */
  readonly email: string | undefined;
  readonly emailTrouble: SignInTrouble | undefined;
  /** Undefined: the provider does not decide it. */
  readonly role: AccountRole | undefined;
  readonly organization: string | undefined;
}

/** A claim by its name, or by the names on the way to it with dots between them, as in `realm_access.roles`. */
const claimAt = (claims: Claims, name: string): unknown => {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Claims)[key];
  }, claims);
};

const textsOf = (value: unknown): readonly string[] => [value].flat().filter((one) => typeof one === 'string');

const emailOf = (claims: Claims, { acceptsUnverifiedEmails }: ClaimRules): Pick<Person, 'email' | 'emailTrouble'> => {
  const { email, email_verified: isVerified } = claims;
  if (typeof email !== 'string' || email === '') return { email: undefined, emailTrouble: 'email-missing' };
  // An address that anybody may type there is the name by which others share things with its owner.
  if (isVerified !== true && !acceptsUnverifiedEmails) return { email: undefined, emailTrouble: 'email-unverified' };
  return { email, emailTrouble: undefined };
};

/** Whether claims say less of somebody than they could: many providers have the rest where it is asked for. */
export const isLittle = (claims: Claims, rules: ClaimRules): boolean => {
  const person = personOf(claims, rules);
  return typeof person === 'string' || person.email === undefined;
};

/** What the claims say by the rules of this platform, or why they say too little. */
export const personOf = (claims: Claims, rules: ClaimRules): Person | SignInTrouble => {
  const { sub: subject } = claims;
  if (typeof subject !== 'string' || subject === '') return 'not-valid';
  const { role: roleRule, organizationClaim } = rules;
  const groups = roleRule && claimAt(claims, roleRule.claim);
  const [organization] = organizationClaim === undefined ? [] : textsOf(claimAt(claims, organizationClaim));
  // A provider that was to decide it, and says nothing, makes nobody a plain user, or one of no organization, by that.
  if (roleRule && groups === undefined) return 'claim-missing';
  if (organizationClaim !== undefined && (organization ?? '') === '') return 'claim-missing';
  const values = textsOf(groups);
  const role = roleRule && (roleRule.roles.find(([value]) => values.includes(value))?.[1] ?? 'user');
  return { subject, ...emailOf(claims, rules), role, organization };
};
