import { DEFAULT_PAYERS, defaultPriceList } from '../pricing/default-price-list.js';
import type { PriceList, PricingEvent } from '../pricing/pricing.events.js';
import type { LinesCorrected, MonthClosed } from '../books/books.events.js';
import type { PoolEvent } from '../pool/pool.events.js';
import type { InstantMs } from '../shared/time.js';
import type { AttemptEnd, TaskEvent } from '../task/task.events.js';
import type { ExactAmount } from './exact-amount.js';
import { rate, waived, type Rating, type UnratedReason } from './rate.js';
import { usageOf, type Usage, type UsageTerms } from './usage.js';

/** A commit, as far as the bill needs it. */
export interface BilledCommit {
  readonly id: string;
  readonly sequence: number;
  readonly aggregateId: string;
  readonly events: readonly { readonly type: string }[];
}

export interface PublishedPriceList {
  readonly priceList: PriceList;
  /** From when it holds. */
  readonly from: InstantMs;
  /** Of the commit that published it. */
  readonly sequence: number;
}

/** One attempt that ended, with the commit that states it. */
export interface EndedAttempt {
  readonly terms: UsageTerms;
  readonly end: AttemptEnd;
  /** Undefined: its command never started. */
  readonly usage: Usage | undefined;
  /** Whether its instance will have no other one. */
  readonly isLast: boolean;
  readonly sequence: number;
  readonly commitId: string;
}

/** A line of the ledger: a charge, or a waiver, of one attempt. */
export interface BillLine extends EndedAttempt {
  readonly rating: Rating;
  readonly priceList: PriceList;
}

/** Where a line was rated: the commit, and its place among the lines that came of it. The prices of later ones depend on it. */
export interface RatedAt {
  readonly ratedSequence: number;
  readonly ratedIndex: number;
  /** When it counts: when its attempt started, or ended where it never did; when it was rated, where that is of a closed month. */
  readonly countsAt: InstantMs;
}

/** What a commit adds to lines that are there. */
export interface BookedCorrections extends LinesCorrected {
  /** What started before it is of a closed month: that counts when it is booked. */
  readonly closedUntil: InstantMs;
  readonly sequence: number;
  readonly commitId: string;
}

/** An attempt that has no price yet. */
export interface ParkedAttempt extends EndedAttempt {
  readonly reason: UnratedReason;
}

/** What the price of the next attempt depends on. */
export interface BillState {
  readonly terms: Map<string, UsageTerms>;
  /** In the order of their publication. */
  readonly lists: PublishedPriceList[];
  /** What accounts used in a month before discounts, by `volumeKey`. */
  readonly volumes: Map<string, ExactAmount>;
  /** What instances were charged that may be tried again, by `instanceKey`. */
  readonly charged: Map<string, ExactAmount>;
  /** By `attemptKey`, in the order of their ends. */
  readonly parked: Map<string, ParkedAttempt>;
  /** What started before it is of a closed month. */
  closedUntil: InstantMs;
}

export const emptyBill = (): BillState => ({
  terms: new Map(),
  lists: [],
  volumes: new Map(),
  charged: new Map(),
  parked: new Map(),
  closedUntil: 0,
});

/** What one commit adds to the bill. Nothing of it ever changes or goes, but that parked attempts are priced. */
export interface BillEntries {
  readonly terms: readonly UsageTerms[];
  readonly lists: readonly PublishedPriceList[];
  readonly lines: readonly (BillLine & RatedAt)[];
  readonly parked: readonly ParkedAttempt[];
  readonly corrections: readonly BookedCorrections[];
  readonly closed: readonly MonthClosed[];
}

/** A calendar day, in UTC. */
export const dayOf = (at: InstantMs): string => new Date(at).toISOString().slice(0, 10);
/** A calendar month, in UTC. */
export const monthOf = (at: InstantMs): string => new Date(at).toISOString().slice(0, 7);
export const volumeKey = (owner: string, month: string): string => `${month} ${owner}`;
export const instanceKey = (id: string, instance: number): string => `${instance} ${id}`;
export const attemptKey = (id: string, { instance, attempt }: Pick<AttemptEnd, 'instance' | 'attempt'>): string =>
  `${attempt} ${instanceKey(id, instance)}`;

/** The list of an instant: of those that hold then the last one published, the default list before all of them. */
const listAt = (lists: readonly PublishedPriceList[], at: InstantMs): PriceList | undefined => {
  if (!lists.some(({ from }) => from <= at)) return defaultPriceList;
  const last = lists.findLast(({ from }) => from <= at)?.priceList;
  return last?.validUntil !== undefined && last.validUntil <= at ? undefined : last;
};

/** A list with the frequency that is assumed where it does not say one: that of the first list after it that does. */
export const assumedIn = (lists: readonly PublishedPriceList[], list: PriceList): PriceList => {
  if (list.assumedMilliGhz !== undefined) return list;
  const later = lists.slice(lists.findIndex(({ priceList }) => priceList === list) + 1);
  const assumedMilliGhz = later.find(({ priceList }) => priceList.assumedMilliGhz !== undefined)?.priceList
    .assumedMilliGhz;
  return assumedMilliGhz === undefined ? list : { ...list, assumedMilliGhz };
};

/**
 * What prices what starts at an instant: the list of that time, `assumedIn`: so it makes no difference whether an attempt ends before a list that
 * assumes one or after it. Undefined: the list of that time is over and no other one begins.
 */
export const priceListAt = (lists: readonly PublishedPriceList[], at: InstantMs): PriceList | undefined => {
  const list = listAt(lists, at);
  return list && assumedIn(lists, list);
};

/** The list of a version, as it prices. */
export const priceListOfVersion = (lists: readonly PublishedPriceList[], version: number): PriceList | undefined => {
  const published = lists.find(({ priceList }) => priceList.version === version)?.priceList;
  const list = published ?? (version === defaultPriceList.version ? defaultPriceList : undefined);
  return list && assumedIn(lists, list);
};

const termsIn = (events: readonly (TaskEvent | PoolEvent)[], sequence: number): readonly UsageTerms[] =>
  events.flatMap((event): readonly UsageTerms[] => {
    if (event.type !== 'TaskSubmitted' && event.type !== 'PoolCreated') return [];
    const { spec } = event;
    const isTask = event.type === 'TaskSubmitted';
    return [
      {
        id: isTask ? event.taskId : event.poolId,
        kind: isTask ? 'task' : 'pool',
        owner: event.owner,
        shortname: spec.shortname,
        projectUuid: spec.projectUuid ?? null,
        tags: spec.tags,
        labels: spec.labels,
        plan: spec.plan,
        constrained: spec.hardwareConstraints.length > 0,
        memoryMB: spec.request.memoryMB * (isTask ? 1 : event.spec.slotsPerNode),
        sequence,
      },
    ];
  });

/** @throws Error when an attempt ended of what was never submitted: the log would be broken */
const endsIn = (state: BillState, commit: BilledCommit): readonly EndedAttempt[] =>
  // The names of these events belong to tasks and pools alone.
  (commit.events as readonly (TaskEvent | PoolEvent)[]).flatMap((event) => {
    if (event.type !== 'InstancesConcluded' && event.type !== 'InstancesRequeued' && event.type !== 'SlotsEnded')
      return [];
    const { sequence, id: commitId, aggregateId } = commit;
    const terms = state.terms.get(aggregateId);
    if (!terms) throw new Error(`${aggregateId} ended an attempt at sequence ${sequence} but was never submitted`);
    // What runs in a slot takes its pool's time. A slot that is opened again is held anew.
    return event.attempts
      .filter(({ inSlot }) => inSlot === undefined)
      .map((end) => {
        const usage = usageOf(end, terms);
        return { terms, end, usage, isLast: event.type !== 'InstancesRequeued', sequence, commitId };
      });
  });

const notStarted = ({ cause }: AttemptEnd, { payers = DEFAULT_PAYERS }: PriceList): Rating =>
  waived(cause !== undefined && payers[cause] === 'platform' ? cause : 'not-started');

/** The price of an attempt by a list, and what follows from it for the next ones. In the order of the log it is what the ledger has. */
export const priced = (state: BillState, attempt: EndedAttempt, priceList: PriceList): BillLine | UnratedReason => {
  const { terms, end, usage, isLast } = attempt;
  if (!usage) return { ...attempt, rating: notStarted(end, priceList), priceList };
  const month = volumeKey(terms.owner, monthOf(usage.from));
  const instance = instanceKey(terms.id, end.instance);
  const volume = state.volumes.get(month) ?? 0n;
  const before = (terms.kind === 'task' ? state.charged.get(instance) : undefined) ?? 0n;
  const rating = rate(usage, priceList, {
    projectUuid: terms.projectUuid,
    volume,
    ...(isLast ? { charged: before } : {}),
  });
  if (typeof rating === 'string') return rating;
  state.volumes.set(month, volume + rating.gross);
  if (isLast) state.charged.delete(instance);
  else state.charged.set(instance, before + rating.amount);
  return { ...attempt, rating, priceList };
};

const rateOrPark = (state: BillState, attempt: EndedAttempt): BillLine | ParkedAttempt => {
  const { usage, end } = attempt;
  const found = priceListAt(state.lists, usage?.from ?? end.endedAt);
  // A waiver needs no price.
  const priceList = found ?? (usage ? undefined : state.lists.at(-1)?.priceList);
  const line = priceList ? priced(state, attempt, priceList) : 'no-price-list';
  return typeof line === 'string' ? { ...attempt, reason: line } : line;
};

const byEnd = ([, a]: readonly [string, ParkedAttempt], [, b]: readonly [string, ParkedAttempt]): number =>
  a.sequence - b.sequence || a.end.instance - b.end.instance;

/** Prices what is parked and can be priced now that there is another list. */
const released = (state: BillState): readonly BillLine[] =>
  [...state.parked].sort(byEnd).flatMap(([key, { reason: _until, ...attempt }]) => {
    const priceList = priceListAt(state.lists, attempt.usage?.from ?? attempt.end.endedAt);
    const line = priceList && priced(state, attempt, priceList);
    if (!line || typeof line === 'string') return [];
    state.parked.delete(key);
    return [line];
  });

/** When something counts that started at an instant and is told at another one. */
export const countsAt = (startedAt: InstantMs, toldAt: InstantMs, closedUntil: InstantMs): InstantMs =>
  startedAt >= closedUntil ? startedAt : Math.max(toldAt, closedUntil);

/** Later attempts and discounts see what was corrected. */
const correct = (state: BillState, { lines, volumes }: LinesCorrected): void => {
  for (const { owner, month, parts } of volumes) {
    const key = volumeKey(owner, month);
    state.volumes.set(key, (state.volumes.get(key) ?? 0n) + BigInt(parts));
  }
  for (const { taskId, instance, parts } of lines) {
    const key = instanceKey(taskId, instance);
    const charged = state.charged.get(key);
    if (charged !== undefined) state.charged.set(key, charged + BigInt(parts));
  }
};

/** What a commit closes, and what it corrects. */
const bookedIn = (
  state: BillState,
  { events, sequence, id }: BilledCommit,
): Pick<BillEntries, 'corrections' | 'closed'> => {
  const corrections: BookedCorrections[] = [];
  const closed: MonthClosed[] = [];
  for (const event of events as readonly (LinesCorrected | MonthClosed)[])
    if (event.type === 'LinesCorrected') {
      corrections.push({ ...event, closedUntil: state.closedUntil, sequence, commitId: id });
      correct(state, event);
    } else if (event.type === 'MonthClosed') {
      closed.push(event);
      state.closedUntil = event.until;
    }
  return { corrections, closed };
};

/**
 * Folds the next commit into the bill, in the order of the log. Needs of the state what the commit is about alone: the terms of its task or pool, the
 * months and the instances of its attempts, and what is parked if it publishes a list.
 */
export const foldBill = (state: BillState, commit: BilledCommit): BillEntries => {
  const terms = termsIn(commit.events as readonly (TaskEvent | PoolEvent)[], commit.sequence);
  for (const each of terms) state.terms.set(each.id, each);

  const lists: PublishedPriceList[] = [];
  const lines: BillLine[] = [];
  const booked = bookedIn(state, commit);
  for (const event of commit.events as readonly PricingEvent[]) {
    if (event.type !== 'PriceListPublished') continue;
    const { priceList, at } = event;
    const published = { priceList, from: priceList.validFrom ?? at, sequence: commit.sequence };
    lists.push(published);
    state.lists.push(published);
    lines.push(...released(state));
  }

  const parked: ParkedAttempt[] = [];
  for (const attempt of endsIn(state, commit)) {
    const entry = rateOrPark(state, attempt);
    if ('rating' in entry) lines.push(entry);
    else {
      parked.push(entry);
      state.parked.set(attemptKey(entry.terms.id, entry.end), entry);
    }
  }
  // All events that end attempts, or price them, say when.
  const toldAt = (commit.events as readonly { readonly at?: InstantMs }[]).at(-1)?.at ?? 0;
  const rated = lines.map((line, ratedIndex) => ({
    ...line,
    ...{ ratedSequence: commit.sequence, ratedIndex },
    countsAt: countsAt(line.usage?.from ?? line.end.endedAt, toldAt, state.closedUntil),
  }));
  return { terms, lists, lines: rated, parked, ...booked };
};
