import type { CommitMeta } from '@fornax/contracts';
import { activeTraceparent } from '@fornax/base';
import type { Account } from '../accounts/account.js';

/** Who asks for a change, and why. */
export interface Asking {
  readonly account: Account;
  readonly correlationId: string;
  readonly reason?: string | undefined;
  /** Who asks, when it is for that account; absent: the account itself. */
  readonly by?: Account | undefined;
}

/** Whose things are changed: an account or an organization, by id. */
export interface Owner {
  readonly kind: 'user' | 'organisation';
  readonly id: string;
}

/** What a commit says of somebody's request. @param owner of what is changed; absent where nobody owns it */
export const userMeta = (
  source: string,
  { account, by = account, correlationId, reason }: Asking,
  owner?: Owner,
): CommitMeta => {
  const traceparent = activeTraceparent();
  const isOthers = owner !== undefined && !(owner.kind === 'user' && owner.id === by.id);
  return {
    actor: `user:${by.id}`,
    ...(isOthers ? { onBehalfOf: `${owner.kind}:${owner.id}` } : {}),
    ...(reason === undefined ? {} : { reason }),
    source,
    correlationId,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};
