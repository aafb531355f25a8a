import type { AccountDirectory } from '../accounts/account-directory.js';
import { type Admission, isStillAdmitted } from './auth.guard.js';

/** Node's timers take no more; a longer wait is looked at again in between. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Watches over what was admitted once and goes on for hours: an answer, or a session. */
export interface Admissions {
  /**
   * @param ended called once, at once where it is so already: the token is revoked or has expired, its account is disabled, or it may do less than then
   * @returns stops it
   */
  watch(admission: Admission, ended: () => void): () => void;
}

const known = new WeakMap<AccountDirectory, Admissions>();

/** One for each directory, which keeps its listeners for good. */
export const admissionsOf = (accounts: AccountDirectory): Admissions => {
  const found = known.get(accounts);
  if (found) return found;
  const checks = new Set<() => void>();
  accounts.onChange(() => {
    for (const check of checks) check();
  });
  const made: Admissions = {
    watch: (admission, ended) => {
      let timer: NodeJS.Timeout | undefined;
      const stop = (): void => {
        clearTimeout(timer);
        checks.delete(check);
      };
      const check = (): void => {
        clearTimeout(timer);
        if (!isStillAdmitted(admission, accounts)) {
          stop();
          return ended();
        }
        const leftMs = accounts.msLeftOf(admission.token);
        if (Number.isFinite(leftMs)) timer = setTimeout(check, Math.min(leftMs, LONGEST_TIMER_MS)).unref();
      };
      checks.add(check);
      check();
      return stop;
    },
  };
  known.set(accounts, made);
  return made;
};
