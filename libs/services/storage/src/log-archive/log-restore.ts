import { LEFT_ID, eventSubject, type WireLogRestore } from '@fornax/contracts';
import type { ArchivedSegment } from '@fornax/domain';
import {
  ARCHIVE_ID,
  FILLER,
  appendedMessage,
  previousOf,
  type ArchivedMessage,
  type OpenSegment,
  type RestoreClient,
  type SegmentHeader,
  leftIn,
} from '@fornax/event-store';
import { Conflict } from '@fornax/base';
import type { ServiceLogger } from '../config/tokens.js';
import type { ArchiveObjects } from './archive-objects.js';
import { nextSegment, WALK_START, type WalkPlace } from './archive-walk.js';
import { readThrough } from './compare.js';
import { aboutOf, noteOf } from './log-archiver.js';

const NOTES = eventSubject('log-archive', ARCHIVE_ID);
const LEFT = eventSubject('log-archive', LEFT_ID);

interface FoundSegment {
  readonly segment: ArchivedSegment;
  /** When the stream took its last message, in milliseconds. */
  readonly at: number;
  readonly missing: SegmentHeader['missing'];
}

/** What putting a log back has to know before it begins. */
interface Survey {
  readonly segments: readonly FoundSegment[];
  /** How many of the segments are noted in what is archived, and where the last of these notes is. */
  readonly notes: number;
  readonly lastNote: number;
  /** The first sequence that the log has again: what lies before had left it. */
  readonly first: number;
  /** Lost messages that later ones were decided on: the subject, by sequence. */
  readonly subjects: ReadonlyMap<number, string>;
}

/**
 * Puts a lost log back from its archive. All of it is read and compared before anything is changed. Each message gets the sequence that it had; where one
 * had been lost before it was archived, another one keeps its place until all are there. Notes of segments that lay behind the end are written as they
 * were, so the log of a platform that stood still is the same as before.
 */
export class LogRestore {
  private state: WireLogRestore = { state: 'none', log: null, restored: 0, to: 0, reason: null };

  constructor(
    private readonly objects: ArchiveObjects,
    private readonly client: RestoreClient,
    private readonly logger: ServiceLogger,
  ) {}

  get progress(): WireLogRestore {
    return this.state;
  }

  /** @throws Conflict one is under way */
  start(log: string): WireLogRestore {
    if (this.state.state === 'running')
      throw new Conflict(`Log ${this.state.log ?? ''} is being restored`, { code: 'restoring' });
    this.state = { state: 'running', log, restored: 0, to: 0, reason: null };
    void this.run(log).then(
      () => this.end('done', null),
      (error: unknown) => this.end('failed', error instanceof Error ? error.message : String(error)),
    );
    return this.state;
  }

  private end(state: 'done' | 'failed', reason: string | null): void {
    this.state = { ...this.state, state, reason };
    if (reason === null) this.logger.warn({ ...this.state }, 'the event log was restored from its archive');
    else this.logger.error({ ...this.state }, 'the event log was not restored');
  }

  private async run(log: string): Promise<void> {
    const survey = await this.survey(log);
    const last = survey.segments.at(-1)?.segment;
    if (last === undefined) throw new Error(`nothing of log ${log} is archived`);
    const to = last.to + survey.segments.length - survey.notes;
    this.state = { ...this.state, to };
    await this.client.begin(log, survey.first);
    for (const { segment } of survey.segments.filter(({ segment: { to: last } }) => last >= survey.first)) {
      const opened = await this.objects.open(segment.key);
      if (opened === undefined) throw new Error(`segment ${segment.number} is gone`);
      await this.append(opened, survey);
    }
    const notes = survey.segments.slice(survey.notes).map(({ segment, at }, index) => {
      const sequence = last.to + 1 + index;
      const previous = index === 0 ? survey.lastNote : sequence - 1;
      const place = { sequence, aggregate: 'log-archive', aggregateId: ARCHIVE_ID } as const;
      return appendedMessage({ ...noteOf(segment, at), ...place }, previous);
    });
    await this.client.append(notes);
    await this.client.finish(log, to);
    this.state = { ...this.state, restored: to };
  }

  private async append(segment: OpenSegment, { subjects, first }: Survey): Promise<void> {
    let next = Math.max(first, segment.header.from);
    const filledUpTo = (sequence: number): ArchivedMessage[] => {
      const fillers: ArchivedMessage[] = [];
      for (; next < sequence; next += 1) fillers.push(fillerOf(next, subjects.get(next)));
      next = sequence + 1;
      return fillers;
    };
    for await (const batch of segment.read()) {
      const staying = batch.filter(({ sequence }) => sequence >= first);
      await this.client.append(staying.flatMap((message) => [...filledUpTo(message.sequence), message]));
      this.state = { ...this.state, restored: next - 1 };
    }
    await this.client.append(filledUpTo(segment.header.to + 1));
  }

  /** @throws Error the archive is damaged */
  private async survey(log: string): Promise<Survey> {
    const segments: FoundSegment[] = [];
    const subjects = new Map<number, string>();
    let [notes, lastNote, first] = [0, 0, 1];
    const isLost = (sequence: number): boolean =>
      segments.some(({ missing }) => missing.some(([from, through]) => from <= sequence && sequence <= through));
    for (let place: WalkPlace = WALK_START; ;) {
      const step = await nextSegment(this.objects, log, place, undefined);
      if (step.kind === 'end') return { segments, notes, lastNote, first, subjects };
      if (step.kind === 'missing') throw new Error(`segment ${step.number} of the archive is missing`);
      if (step.kind === 'damaged') throw new Error(`segment ${step.number} of the archive: ${step.damage.detail}`);
      const { key, segment } = step;
      const { number, to, missing } = segment.header;
      const { hash, at } = await readThrough(segment, (batch) => {
        for (const message of batch) {
          const previous = previousOf(message);
          const isHere = missing.some(([from, through]) => from <= previous && previous <= through);
          if (isHere || isLost(previous)) subjects.set(previous, message.subject);
          if (message.subject === LEFT) first = leftIn(message) + 1;
          if (message.subject !== NOTES) continue;
          notes += 1;
          lastNote = message.sequence;
        }
      });
      segments.push({ segment: { ...aboutOf(segment.header), hash, sizeBytes: segment.sizeBytes, key }, at, missing });
      place = { number, to, hash };
    }
  }
}

/** Keeps the place of a message that was lost. The next one of its aggregate expects that there was one. */
const fillerOf = (sequence: number, subject = eventSubject('log-archive', 'lost')): ArchivedMessage => ({
  sequence,
  timeNs: 0n,
  subject,
  headers: [[FILLER, '1']],
  data: Buffer.alloc(0),
});
