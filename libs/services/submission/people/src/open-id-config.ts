import { ConfigError, loadConfig, type Env } from '@fornax/base';
import { ACCOUNT_ROLES, type AccountRole } from '@fornax/domain';
import { z } from 'zod';

const settings = z.object({
  /** The issuer of an OpenID provider by which people sign in; unset: with tokens alone. */
  FORNAX_OIDC_ISSUER: z.url({ protocol: /^https?$/ }).optional(),
  FORNAX_OIDC_CLIENT_ID: z.string().optional(),
  /** In a file by FORNAX_OIDC_CLIENT_SECRET_FILE. Unset for a public client, which PKCE alone protects. */
  FORNAX_OIDC_CLIENT_SECRET: z.string().optional(),
  /** What the button says after "Sign in with". */
  FORNAX_OIDC_NAME: z.string().max(60).optional(),
  FORNAX_OIDC_SCOPES: z.string().default('openid email profile'),
  /** The claim that holds the groups or roles of a person. */
  FORNAX_OIDC_ROLE_CLAIM: z.string().optional(),
  /** Which value of it is which role, as in `fornax-admins=operator,audit=auditor`: the first that fits. */
  FORNAX_OIDC_ROLES: z.string().optional(),
  /** The claim that names the organization of a person. */
  FORNAX_OIDC_ORGANIZATION_CLAIM: z.string().optional(),
  /** Whether the first sign-in makes an account, or only an operator does. */
  FORNAX_OIDC_NEW_ACCOUNTS: z.enum(['make', 'refuse']).default('make'),
  /** Whether e-mails count that the provider does not call verified. */
  FORNAX_OIDC_UNVERIFIED_EMAILS: z.enum(['refuse', 'accept']).default('refuse'),
});

/** What of the claims of a person counts. */
export interface ClaimRules {
  readonly role:
    { readonly claim: string; readonly roles: readonly (readonly [value: string, role: AccountRole])[] } | undefined;
  readonly organizationClaim: string | undefined;
  readonly acceptsUnverifiedEmails: boolean;
}

/** The provider by which people sign in. */
export interface OpenIdConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly name: string;
  readonly scopes: string;
  readonly makesAccounts: boolean;
  readonly claims: ClaimRules;
}

/** Undefined: people sign in with tokens alone. */
export type OpenIdSettings = OpenIdConfig | undefined;
export const OPEN_ID_CONFIG = Symbol('fornax.open-id-config');

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Whether an address may be asked without TLS: only on this machine. */
export const isLoopback = (url: string): boolean => LOOPBACK.test(new URL(url).hostname);

/** @throws ConfigError */
export const loadOpenIdConfig = (env: Env): OpenIdSettings => {
  const values = loadConfig(settings, env);
  const { FORNAX_OIDC_ISSUER: issuer, FORNAX_OIDC_CLIENT_ID: clientId, FORNAX_OIDC_ROLE_CLAIM: claim } = values;
  if (issuer === undefined) return undefined;
  if (clientId === undefined) throw new ConfigError(['FORNAX_OIDC_CLIENT_ID must be set where FORNAX_OIDC_ISSUER is']);
  if (new URL(issuer).protocol !== 'https:' && !isLoopback(issuer))
    throw new ConfigError(['FORNAX_OIDC_ISSUER must begin with https: unless it is on this machine']);
  const scopes = values.FORNAX_OIDC_SCOPES;
  if (!scopes.split(' ').includes('openid')) throw new ConfigError(['FORNAX_OIDC_SCOPES must have openid in it']);
  if ((claim === undefined) !== (values.FORNAX_OIDC_ROLES === undefined))
    throw new ConfigError(['FORNAX_OIDC_ROLE_CLAIM and FORNAX_OIDC_ROLES must be set together']);
  return Object.freeze({
    issuer,
    clientId,
    clientSecret: values.FORNAX_OIDC_CLIENT_SECRET,
    name: values.FORNAX_OIDC_NAME ?? new URL(issuer).host,
    scopes,
    makesAccounts: values.FORNAX_OIDC_NEW_ACCOUNTS === 'make',
    claims: {
      role: claim === undefined ? undefined : { claim, roles: rolesIn(values.FORNAX_OIDC_ROLES ?? '') },
      organizationClaim: values.FORNAX_OIDC_ORGANIZATION_CLAIM,
      acceptsUnverifiedEmails: values.FORNAX_OIDC_UNVERIFIED_EMAILS === 'accept',
    },
  });
};

const rolesIn = (text: string): readonly (readonly [string, AccountRole])[] =>
  text.split(',').map((pair) => {
    const at = pair.lastIndexOf('=');
    const role = ACCOUNT_ROLES.find((known) => known === pair.slice(at + 1).trim());
    const value = pair.slice(0, Math.max(at, 0)).trim();
    if (role === undefined || value === '')
      throw new ConfigError([
        `FORNAX_OIDC_ROLES must be like <value>=<role>, with a role of ${ACCOUNT_ROLES.join(', ')}`,
      ]);
    return [value, role];
  });
