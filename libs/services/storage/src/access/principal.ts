import type { LeaseClaims, ServiceClaims } from '@fornax/contracts';

/** Who a verified signature stands for. */
export type Principal =
  | {
      readonly kind: 'user';
      readonly account: string;
      readonly email: string;
      readonly isReadOnly: boolean;
      /** The account that signed, when it reads as this one. */
      readonly readBy?: string;
    }
  /** An instance on a node: what it may touch is in the claims, while its lease lives. */
  | { readonly kind: 'lease'; readonly claims: LeaseClaims }
  /** A service of the platform, in its own area. */
  | { readonly kind: 'service'; readonly claims: ServiceClaims };

/** Somebody who may have signed a request, with the secrets that would prove it. */
export interface Candidate {
  readonly principal: Principal;
  readonly secrets: readonly string[];
}

/** Where signatures' owners are found. */
export interface Identities {
  byAccessKey(accessKey: string): Candidate | undefined;
  bySessionToken(token: string): Candidate | undefined;
  /** Whom an account reads as; undefined when it may not, or when there is no such account. */
  readAs(reader: string, account: string): Principal | undefined;
}
