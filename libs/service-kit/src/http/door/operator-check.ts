import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type AccountDirectory, tokenOf, hashToken } from '@fornax/identity';

/** Name of the check for what only those see who run the platform: metrics, and why something is not ready. */
export const OPERATOR_CHECK = 'fornax:operator';

/** Name of the check for who decides which log is the right one. */
export const RECOVERY_CHECK = 'fornax:recovery';

/** Whether two tokens are one; takes the same time wherever they differ. */
export const isSameToken = (given: string, expected: string): boolean =>
  timingSafeEqual(Buffer.from(hashToken(given)), Buffer.from(hashToken(expected)));

export interface OperatorTokens {
  /** Shows why something is not ready, and figures; opens nothing else. */
  readonly metrics: string | undefined;
  /** The first operator's, from the settings: it opens what leads out of a state in which nobody knows whose token is good. */
  readonly bootstrap: () => string | undefined;
}

const isOneOf = (given: string, expected: string | undefined): boolean =>
  expected !== undefined && expected !== '' && isSameToken(given, expected);

/**
 * Whether a request carries an operator's token. While no account can be trusted it is the one of the settings; it is let in too while the log is
 * damaged, since the accounts may lie in what it has lost.
 */
export const recoveryCheck =
  (accounts: AccountDirectory, { bootstrap }: OperatorTokens, isDamaged: () => boolean) =>
  ({ headers }: IncomingMessage): boolean => {
    const token = tokenOf(headers.authorization);
    if (accounts.isReady() && accounts.byToken(token)?.role === 'operator') return true;
    return (!accounts.isReady() || isDamaged()) && isOneOf(token, bootstrap());
  };

/** Whether a request carries an operator's token, or the one for metrics. */
export const operatorCheck =
  (tokens: OperatorTokens, isRecovering: (request: IncomingMessage) => boolean) =>
  (request: IncomingMessage): boolean =>
    isOneOf(tokenOf(request.headers.authorization), tokens.metrics) || isRecovering(request);

/** Who decides, for the quarantine and the logs: an account, or whoever holds the token of the settings. */
export const deciderOf = (accounts: AccountDirectory, headers: IncomingHttpHeaders): string => {
  const account = accounts.byToken(tokenOf(headers.authorization));
  return account === undefined ? 'the token of the settings' : `user:${account.id}`;
};
