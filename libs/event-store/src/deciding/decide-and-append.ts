import { backoffMs, delay } from '@fornax/base';
import type { Aggregate, CommitMeta, FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { Decider, Rejection } from '@fornax/domain';
import { AggregateStopped, type EventLog, type Loaded, VersionConflict } from '../log/event-log.js';

/** A decider's "no", carried to whoever asked. */
export class CommandRejected extends Error {
  constructor(readonly rejection: Rejection) {
    super(`${rejection.code}: ${rejection.detail}`);
    this.name = 'CommandRejected';
  }
}

export interface DecideAndAppend<S, C, E extends FornaxEvent> {
  readonly log: EventLog;
  readonly aggregate: Aggregate;
  readonly id: string;
  readonly decider: Decider<S, C, E>;
  readonly command: C;
  /** From the command, not from the try: repeating with the same id appends once. */
  readonly commitId: string;
  readonly meta: CommitMeta;
  /** The decider's clock, milliseconds. */
  readonly at: number;
  /** A fold at hand, so that only the tail is read; without it, or where the log has lost commits of it, the whole aggregate is. */
  readonly loaded?: Loaded<S>;
  /** For how long it is decided again when other writers come first. Default 8 s: below every client's patience. */
  readonly patienceMs?: number;
}

export interface Appended<S, E> {
  /** Of the new commit; of `state` when there was nothing to append. */
  readonly sequence: number;
  /** What was decided; empty when there was nothing to do. */
  readonly events: readonly E[];
  /** The aggregate after these events. */
  readonly state: S;
}

/** Folds commits onto a state. The aggregate's subject holds its decider's events alone, and the codec has checked them. */
const fold = <S, C, E extends FornaxEvent>(
  decider: Decider<S, C, E>,
  from: Loaded<S>,
  commits: readonly RecordedCommit[],
): Loaded<S> => {
  let { state, sequence } = from;
  for (const commit of commits) {
    try {
      for (const event of commit.events) state = decider.evolve(state, event as E);
    } catch (cause) {
      const { aggregate, aggregateId } = commit;
      throw new AggregateStopped(aggregate, aggregateId, `its fold fails at commit ${commit.sequence}`, undefined, {
        cause,
      });
    }
    sequence = commit.sequence;
  }
  return { state, sequence };
};

/** Folds the commits after `from` (all, when absent) of one aggregate. */
export const loadAggregate = async <S, C, E extends FornaxEvent>(
  log: EventLog,
  aggregate: Aggregate,
  id: string,
  decider: Decider<S, C, E>,
  from: Loaded<S> = { state: decider.initial, sequence: 0 },
): Promise<Loaded<S>> => fold(decider, from, await log.readAggregate(aggregate, id, from.sequence));

/** Other writers came first for as long as the command could wait: nothing was appended. */
export class Outrun extends Error {
  constructor(
    readonly aggregate: Aggregate,
    readonly aggregateId: string,
    readonly tries: number,
    options?: ErrorOptions,
  ) {
    super(
      `The ${aggregate} changed ${tries} times while this was being decided, so nothing was done: try again`,
      options,
    );
    this.name = 'Outrun';
  }
}

const PATIENCE_MS = 8_000;
/** The first tries come soon, because the other writer has just been asked to yield. */
const BETWEEN_RIVALS = { firstMs: 4, longestMs: 250, spread: 1 } as const;

/**
 * Decides a command on an aggregate and appends what comes out. When another writer came first, whoever writes all the time is asked to yield,
 * the tail is read and it is decided again: on the newest state, after a pause of at most 4 ms that doubles to 250 ms.
 * Safe to repeat with the same `commitId`: a commit of that id that is found while reading is the answer.
 * @throws CommandRejected the decider's "no"
 * @throws Outrun still beaten after `patienceMs`
 * @throws LogUnavailable
 * @throws AggregateStopped
 */
export const decideAndAppend = async <S, C, E extends FornaxEvent>(
  request: DecideAndAppend<S, C, E>,
): Promise<Appended<S, E>> => {
  const { log, aggregate, id, decider, command, commitId, meta, at, patienceMs = PATIENCE_MS } = request;
  const givesUpAt = performance.now() + patienceMs;
  let loaded = request.loaded ?? { state: decider.initial, sequence: 0 };
  let isStale = request.loaded === undefined;
  let isRefused = false;
  for (let attempt = 1; ; attempt += 1) {
    if (isStale) {
      let tail = await log.readAggregate(aggregate, id, loaded.sequence);
      if (isRefused && tail.length === 0) {
        // The log has lost commits that the fold at hand was made of, and operators have given them up: what is left counts.
        loaded = { state: decider.initial, sequence: 0 };
        tail = await log.readAggregate(aggregate, id, 0);
      }
      const mine = tail.findIndex((commit) => commit.id === commitId);
      loaded = fold(decider, loaded, mine < 0 ? tail : tail.slice(0, mine + 1));
      if (mine >= 0) return { ...loaded, events: (tail[mine]?.events ?? []) as unknown as readonly E[] };
    }
    const decision = decider.decide(loaded.state, command);
    if ('rejection' in decision) throw new CommandRejected(decision.rejection);
    const { events } = decision;
    if (events.length === 0) return { sequence: loaded.sequence, events, state: loaded.state };
    try {
      const sequence = await log.append(aggregate, id, { id: commitId, events, meta, at }, loaded.sequence);
      return { sequence, events, state: events.reduce(decider.evolve, loaded.state) };
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      if (performance.now() >= givesUpAt) throw new Outrun(aggregate, id, attempt, { cause: error });
      log.askToYield(aggregate, id);
      await delay(backoffMs(attempt, BETWEEN_RIVALS));
      isStale = true;
      isRefused = true;
    }
  }
};
