import { accept, assertNever, reject, type Decider } from '../shared/decider.js';
import type { CreditBooking, CreditsCommand, CreditsEvent } from './credits.events.js';

export interface CreditEntry {
  readonly entryId: string;
  readonly kind: CreditBooking;
  /** What it adds, in micro-units: less than 0 for charges. */
  readonly micros: number;
  readonly note: string;
  readonly at: number;
}

export interface CreditsState {
  readonly accountId: string;
  /** Something was granted: the account is held to what it has. */
  readonly isLimited: boolean;
  /** In the order in which they were booked. Whoever only compares what is left needs none of them. */
  readonly entries: readonly CreditEntry[];
  /** Sum of the entries. */
  readonly bookedMicros: number;
  /** What computing had cost before the first grant. */
  readonly baseMicros: number;
  readonly isExhausted: boolean;
}

/** A thousand million of the currency: what is below that adds up without losing a micro-unit. */
export const MOST_MICROS = 1_000_000_000_000_000;

const initial: CreditsState = {
  accountId: '',
  isLimited: false,
  entries: [],
  bookedMicros: 0,
  baseMicros: 0,
  isExhausted: false,
};

const KINDS = { CreditsGranted: 'grant', CreditsCharged: 'charge', CreditsAdjusted: 'adjustment' } as const;
const TYPES = { grant: 'CreditsGranted', charge: 'CreditsCharged', adjustment: 'CreditsAdjusted' } as const;

/** What is left when computing has cost so much; undefined for an account that was never granted anything. */
export const remainingCredits = (
  { isLimited, bookedMicros, baseMicros }: CreditsState,
  consumedMicros: number,
): number | undefined => (isLimited ? bookedMicros - (consumedMicros - baseMicros) : undefined);

/** Whether what is left changes between something and nothing. */
const change = (state: CreditsState, consumedMicros: number, at: number): readonly CreditsEvent[] => {
  const { accountId, isExhausted } = state;
  const remainingMicros = remainingCredits(state, consumedMicros);
  if (remainingMicros === undefined || remainingMicros <= 0 === isExhausted) return [];
  return isExhausted
    ? [{ type: 'CreditsRestored', accountId, at }]
    : [{ type: 'CreditsExhausted', accountId, consumedMicros, remainingMicros, at }];
};

/** What a booking adds. */
const added = (kind: CreditBooking, micros: number): number => (kind === 'charge' ? -micros : micros);

const isAmount = (kind: CreditBooking, micros: number): boolean =>
  Number.isSafeInteger(micros) &&
  Math.abs(micros) <= MOST_MICROS &&
  (kind === 'adjustment' ? micros !== 0 : micros > 0);

/**
 * The credits of one account. Rejections: `bad-amount`, `no-credits` (charged or adjusted before anything was granted), `too-many-credits`, `entry-exists`
 * (another amount or kind under a known id). An entry that is booked again changes nothing.
 */
export const creditsDecider: Decider<CreditsState, CreditsCommand, CreditsEvent> = {
  initial,
  decide: (state, command) => {
    if (command.type === 'NoteCreditsUsed') return accept(...change(state, command.consumedMicros, command.at));
    const { kind, type: _type, ...facts } = command;
    const known = state.entries.find(({ entryId }) => entryId === facts.entryId);
    if (known)
      return known.kind === kind && known.micros === added(kind, facts.micros)
        ? accept()
        : reject('conflict', 'entry-exists', 'Something else was booked under this id.');
    if (!isAmount(kind, facts.micros))
      return reject('invalid', 'bad-amount', 'The amount is 0, too large, or less than 0 where that means nothing.');
    if (!state.isLimited && kind !== 'grant')
      return reject('invalid', 'no-credits', 'The account has no credits: it is unlimited until some are granted.');
    const booked: CreditsEvent = { type: TYPES[kind], ...facts };
    const after = creditsDecider.evolve(state, booked);
    if (Math.abs(after.bookedMicros) > MOST_MICROS)
      return reject('invalid', 'too-many-credits', 'The account would have more credits than can be counted.');
    return accept(booked, ...change(after, facts.consumedMicros, facts.at));
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'CreditsGranted':
      case 'CreditsCharged':
      case 'CreditsAdjusted': {
        const { accountId, entryId, note, consumedMicros, at } = event;
        const kind = KINDS[event.type];
        const micros = added(kind, event.micros);
        return {
          ...state,
          accountId,
          isLimited: true,
          entries: [...state.entries, { entryId, kind, micros, note, at }],
          bookedMicros: state.bookedMicros + micros,
          baseMicros: state.isLimited ? state.baseMicros : consumedMicros,
        };
      }
      case 'CreditsExhausted':
        return { ...state, isExhausted: true };
      case 'CreditsRestored':
        return { ...state, isExhausted: false };
      default:
        return assertNever(event);
    }
  },
};
