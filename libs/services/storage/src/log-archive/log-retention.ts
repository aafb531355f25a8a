import { LEFT_ID, type RecordedCommit } from '@fornax/contracts';
import { logPrefixDecider, type ArchivedSegment, type LogPrefix } from '@fornax/domain';
import { differenceOf, ARCHIVE_ID, decideAndAppend, type JetStreamLog, type LeavingAnswer } from '@fornax/event-store';
import type { ArchiveObjects } from './archive-objects.js';
import { nextSegment, WALK_START } from './archive-walk.js';
import { readThrough } from './compare.js';
import type { LeftIndex } from './left-index.js';

/**
 * How long segments are read back and compared for one step, about: what was compared then leaves. A step waits for the grace of the one before, so with a
 * number of segments instead the log would grow without bounds where more is written than that in a grace.
 */
const COMPARES_MS = 120_000;

export interface LogRetentionParts {
  readonly log: JetStreamLog;
  readonly objects: ArchiveObjects;
  readonly index: LeftIndex;
  /** Asks whoever owns the streams to take out of the log what has left it. */
  readonly askToLeave: () => Promise<LeavingAnswer>;
  readonly rule: {
    /** How old what leaves is at least; undefined: nothing leaves. */
    readonly retentionMs: number | undefined;
    /** Commits that are worth a step: each step is a commit itself. */
    readonly leastCommits: number;
  };
  readonly now: () => number;
}

/**
 * Lets the oldest part of the log leave it once it is older than the rule, in steps each of which may be repeated: its segments are read back and compared
 * with the log, taken into the index, said to have left by a commit, and only then taken out by whoever owns the streams.
 */
export class LogRetention {
  private trouble: string | undefined;

  constructor(private readonly parts: LogRetentionParts) {}

  get isOn(): boolean {
    return this.retentionMs !== undefined;
  }

  /** How old what leaves is at least; undefined: nothing leaves. */
  get retentionMs(): number | undefined {
    return this.parts.rule.retentionMs;
  }

  /** Why nothing leaves at present, for people. */
  get why(): string | undefined {
    return this.trouble;
  }

  /** @returns whether there may be more to do at once */
  async step(): Promise<boolean> {
    if (!this.isOn) return false;
    try {
      const { waitsFor } = await this.parts.askToLeave();
      this.trouble = waitsFor === null ? undefined : `waits for ${waitsFor}`;
      return waitsFor === null && (await this.sayNext());
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  private async sayNext(): Promise<boolean> {
    const { log, index, now } = this.parts;
    const { epoch } = await log.head();
    const { said = 0, ...left } = await log.left();
    const noted = segmentsIn(await log.readAggregate('log-archive', ARCHIVE_ID, left.to));
    const last = await this.lastCompared(epoch, left, this.old(left, noted));
    if (last === undefined) return false;
    const known = new Map(noted.map((segment) => [segment.number, segment]));
    const { to, number, hash } = last;
    await index.bringTo(epoch, { to, number, hash }, known);
    const at = now();
    const commitId = `left-${hash}`;
    await decideAndAppend({
      log,
      aggregate: 'log-archive',
      id: LEFT_ID,
      decider: logPrefixDecider,
      command: { type: 'LetPrefixLeave', to, number, hash, lastAt: last.at, at },
      commitId,
      meta: { actor: 'service:storage', source: 'storage', correlationId: commitId },
      at,
      loaded: { state: { to: left.to, number: left.number, hash: left.hash }, sequence: said },
    });
    return true;
  }

  /** The segments that leave next, in order. */
  private old(left: LogPrefix, noted: readonly NotedSegment[]): readonly NotedSegment[] {
    const { retentionMs = Number.POSITIVE_INFINITY, leastCommits } = this.parts.rule;
    const before = this.parts.now() - retentionMs;
    const found: NotedSegment[] = [];
    for (const segment of noted) {
      if (segment.number <= left.number) continue;
      if (segment.number !== left.number + found.length + 1 || segment.at >= before) break;
      found.push(segment);
    }
    return (found.at(-1)?.to ?? 0) - left.to >= leastCommits ? found : [];
  }

  /** The last of some segments that were compared in time, and are what the log holds: one that is not is met first by the next step. @throws Error the first is not */
  private async lastCompared(
    epoch: string,
    left: LogPrefix,
    segments: readonly NotedSegment[],
  ): Promise<NotedSegment | undefined> {
    const until = performance.now() + COMPARES_MS;
    let last: NotedSegment | undefined;
    for (const segment of segments) {
      if (last !== undefined && performance.now() > until) break;
      try {
        await this.compare(epoch, left, segment);
      } catch (error) {
        if (last === undefined) throw error;
        break;
      }
      last = segment;
    }
    return last;
  }

  /** @throws Error the segment is not what the log holds */
  private async compare(epoch: string, left: LogPrefix, known: NotedSegment): Promise<void> {
    const { objects, log } = this.parts;
    const before = { ...WALK_START, number: known.number - 1, hash: known.previous, to: known.from - 1 };
    const step = await nextSegment(objects, epoch, before, known);
    if (step.kind !== 'segment')
      throw new Error(
        `segment ${known.number} of the archive ${step.kind === 'damaged' ? `is damaged: ${step.damage.detail}` : 'is missing'}: nothing leaves the event log`,
      );
    const { hash } = await readThrough(step.segment);
    const live = log.messages(known.from, known.to);
    const difference = await differenceOf(step.segment.read(), live, known.to, left.to + 1);
    if (hash === known.hash && difference === undefined) return;
    throw new Error(
      `segment ${known.number} of the archive is not what the log holds (${difference?.detail ?? 'its hash is another one'}): nothing leaves the event log`,
    );
  }
}

type NotedSegment = ArchivedSegment & { readonly at: number };

/** The segments that commits note, and when the log took the last commit of each. */
const segmentsIn = (commits: readonly RecordedCommit[]): readonly NotedSegment[] =>
  commits.flatMap(({ events }) => events.flatMap((event) => (event.type === 'LogSegmentArchived' ? [event] : [])));
