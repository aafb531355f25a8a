import { accessDenied } from '@fornax/s3';
import type { Identities, Principal } from './principal.js';

/** Query name by which a link says whom it reads as: the id of an account. It is signed with the rest of the URL, by who reads. */
export const READ_AS_QUERY = 'x-fornax-read-as';

/** Such a link holds no longer, so that what somebody may see only for as long as its role lets it is not handed on for a week. */
export const READ_AS_MINUTES = 15;

/** What is known of a link once its signature was found right. */
interface SignedLink {
  readonly principal: Principal;
  readonly account: string;
  /** Undefined where it was no link. */
  readonly expiresInMs: number | undefined;
}

/**
 * Finds whom a link reads as, as things are now (ADR 0172).
 * @throws S3Error AccessDenied, in the same words whether or not there is such an account
 */
export const whoIsRead = ({ principal, account, expiresInMs }: SignedLink, identities: Identities): Principal => {
  if (expiresInMs === undefined) throw accessDenied('Only a link reads as another account');
  if (expiresInMs > READ_AS_MINUTES * 60_000)
    throw accessDenied(`A link that reads as another account holds for ${READ_AS_MINUTES} minutes at most`);
  const found = principal.kind === 'user' ? identities.readAs(principal.account, account) : undefined;
  if (!found) throw accessDenied('These keys may not read as that account');
  return found;
};
