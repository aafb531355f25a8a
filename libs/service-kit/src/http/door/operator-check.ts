import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AccountDirectory } from '../../accounts/account-directory.js';
import { tokenOf } from '../../accounts/auth.guard.js';
import { hashToken } from '../../accounts/account.js';

/** Name of the check for what only those see who run the platform: metrics, and why something is not ready. */
export const OPERATOR_CHECK = 'fornax:operator';

/** Whether two tokens are one; takes the same time wherever they differ. */
export const isSameToken = (given: string, expected: string): boolean =>
  timingSafeEqual(Buffer.from(hashToken(given)), Buffer.from(hashToken(expected)));

/** Whether a request carries an operator's token, or the one for metrics. */
export const operatorCheck =
  (accounts: AccountDirectory, metricsToken: string | undefined) =>
  ({ headers }: IncomingMessage): boolean => {
    const token = tokenOf(headers.authorization);
    if (metricsToken !== undefined && isSameToken(token, metricsToken)) return true;
    return accounts.byToken(token)?.role === 'operator';
  };
