import type { InstantMs } from '../shared/time.js';

/** What somebody books on the credits of an account: given, taken for something beside computing, or corrected (may be negative). */
export type CreditBooking = 'grant' | 'charge' | 'adjustment';

interface Booked {
  readonly accountId: string;
  readonly entryId: string;
  /** Micro-units of the currency: more than 0, but for adjustments, which are not 0. */
  readonly micros: number;
  /** What it is for. */
  readonly note: string;
  /** What computing had cost the account until then: what it used before its first grant is not taken from its credits. */
  readonly consumedMicros: number;
  readonly at: InstantMs;
}

/**
 * Credits of an account. Charges of computing are lines of the ledger, and stand in no event: credits say how much of them there may be.
 * States: unlimited (before the first grant) -> open -> exhausted (CreditsExhausted) -> open (CreditsRestored).
 */
export type CreditsEvent =
  | ({ readonly type: 'CreditsGranted' } & Booked)
  | ({ readonly type: 'CreditsCharged' } & Booked)
  | ({ readonly type: 'CreditsAdjusted' } & Booked)
  /** Nothing is left: nothing new of the account is accepted or started. */
  | {
      readonly type: 'CreditsExhausted';
      readonly accountId: string;
      readonly consumedMicros: number;
      /** 0, or less: what was used beyond the credits before anybody could know. */
      readonly remainingMicros: number;
      readonly at: InstantMs;
    }
  | { readonly type: 'CreditsRestored'; readonly accountId: string; readonly at: InstantMs };

export type CreditsCommand =
  | ({ readonly type: 'BookCredits'; readonly kind: CreditBooking } & Booked)
  /** What computing has cost the account until now. */
  | { readonly type: 'NoteCreditsUsed'; readonly consumedMicros: number; readonly at: InstantMs };
