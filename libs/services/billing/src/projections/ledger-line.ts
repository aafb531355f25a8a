import type { RecordedCommit } from '@fornax/contracts';
import {
  defaultPriceList,
  rate,
  type AttemptEnd,
  type PriceList,
  type Rating,
  type SchedulingPlan,
} from '@fornax/domain';

/** What a line needs from the task's submission. */
export interface TaskTerms {
  readonly taskId: string;
  readonly owner: string;
  readonly shortname: string;
  readonly plan: SchedulingPlan;
  readonly constrained: boolean;
  readonly sequence: number;
}

/** A price list and the commit that published it. */
export interface PublishedPriceList {
  readonly priceList: PriceList;
  readonly sequence: number;
}

/** One rated attempt. */
export interface LedgerLine {
  readonly terms: TaskTerms;
  readonly end: AttemptEnd;
  readonly rating: Rating;
  readonly priceList: PriceList;
  /** The commit that the line cites. */
  readonly sequence: number;
  readonly commitId: string;
}

export const termsIn = (batch: readonly RecordedCommit[]): readonly TaskTerms[] =>
  batch.flatMap(({ sequence, events }) =>
    events.flatMap((event) => {
      if (event.type !== 'TaskSubmitted') return [];
      const { taskId, owner, spec } = event;
      const constrained = spec.hardwareConstraints.length > 0;
      return [{ taskId, owner, shortname: spec.shortname, plan: spec.plan, constrained, sequence }];
    }),
  );

export const priceListsIn = (batch: readonly RecordedCommit[]): readonly PublishedPriceList[] =>
  batch.flatMap(({ sequence, events }) =>
    events.flatMap((event) => (event.type === 'PriceListPublished' ? [{ priceList: event.priceList, sequence }] : [])),
  );

/** One end of an attempt, with the commit that states it. */
export interface RecordedEnd {
  readonly taskId: string;
  readonly end: AttemptEnd;
  readonly sequence: number;
  readonly commitId: string;
}

export const endsIn = (batch: readonly RecordedCommit[]): readonly RecordedEnd[] =>
  batch.flatMap(({ id, sequence, aggregateId, events }) =>
    events.flatMap((event) =>
      event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued'
        ? event.attempts
            // What runs in a slot takes its pool's time.
            .filter(({ inSlot }) => inSlot === undefined)
            .map((end) => ({ taskId: aggregateId, end, sequence, commitId: id }))
        : [],
    ),
  );

/**
 * The list in force at a place in the log: the last one published before it. An attempt that ended before any was published is priced
 * by the default list, so that a line depends on nothing but the log up to its event and a rebuilt ledger equals the live one.
 * @param published in the order of their publication
 */
export const priceListAt = (published: readonly PublishedPriceList[], sequence: number): PriceList =>
  published.findLast((each) => each.sequence < sequence)?.priceList ?? defaultPriceList;

/** @throws Error when an attempt ended of a task that was never submitted: the log would be broken */
export const lineOf = (
  { taskId, end, sequence, commitId }: RecordedEnd,
  termsById: ReadonlyMap<string, TaskTerms>,
  published: readonly PublishedPriceList[],
): LedgerLine => {
  const terms = termsById.get(taskId);
  if (!terms) throw new Error(`task ${taskId} ended an attempt at sequence ${sequence} but was never submitted`);
  const priceList = priceListAt(published, sequence);
  return { terms, end, rating: rate(end, terms, priceList), priceList, sequence, commitId };
};
