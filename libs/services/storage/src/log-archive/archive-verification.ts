import type { WireArchiveFinding, WireArchiveVerification } from '@fornax/contracts';
import type { ArchivedSegment } from '@fornax/domain';
import {
  differenceOf,
  type Difference,
  LogDamaged,
  SegmentDamaged,
  type ArchivedMessage,
  type JetStreamLog,
  type OpenSegment,
} from '@fornax/event-store';
import type { ArchiveObjects } from './archive-objects.js';
import { nextSegment, WALK_START, type WalkPlace } from './archive-walk.js';
import { readThrough } from './compare.js';

export interface VerificationParts {
  readonly objects: ArchiveObjects;
  /** Of the archive. */
  readonly epoch: string;
  /** What the log says of each segment, by number; empty where the log is another one. */
  readonly index: ReadonlyMap<number, ArchivedSegment>;
  /** The log of the same epoch, its end, and the last sequence that has left it; undefined where it is lost. */
  readonly live: { readonly log: JetStreamLog; readonly head: number; readonly left: number } | undefined;
}

/** Where a part ended: `<number>:<sequence>:<hash>`, the hash empty when it is not known. */
export const parseAfter = (text: string | undefined): WalkPlace => {
  if (text === undefined) return WALK_START;
  const [number = '', to = '', hash = ''] = text.split(':');
  return { number: Number(number), to: Number(to), hash: hash === '' ? undefined : hash };
};
const afterOf = ({ number, to, hash }: WalkPlace): string => `${number}:${to}:${hash ?? ''}`;

/** Reads segments one after the other, compares each with its hashes, with the chain, with the index in the log, and with the log. */
export class ArchiveVerification {
  private segments = 0;
  private messages = 0;
  private bytes = 0;
  private compared = 0;
  private readonly findings: WireArchiveFinding[] = [];

  constructor(
    private readonly parts: VerificationParts,
    private place: WalkPlace,
    /** Number of the last segment that is looked at. */
    private readonly until = Number.POSITIVE_INFINITY,
  ) {}

  /** Until the time is over, or the archive. */
  async run(forMs: number, signal?: AbortSignal): Promise<WireArchiveVerification> {
    const until = performance.now() + forMs;
    let isOver = false;
    while (!isOver && performance.now() < until && signal?.aborted !== true) isOver = !(await this.step());
    const { to, hash = '' } = this.place;
    return {
      epoch: this.parts.epoch,
      segments: this.segments,
      messages: this.messages,
      bytes: this.bytes,
      compared: this.compared,
      to,
      hash,
      next: isOver ? null : afterOf(this.place),
      findings: this.findings,
    };
  }

  /** @returns false at the end */
  private async step(): Promise<boolean> {
    const { objects, epoch, index } = this.parts;
    const number = this.place.number + 1;
    if (number > this.until) return false;
    const known = index.get(number);
    const step = await nextSegment(objects, epoch, this.place, known);
    if (step.kind === 'end') return false;
    this.segments += 1;
    if (step.kind === 'segment') await this.check(step.key, step.segment, known);
    else if (step.kind === 'damaged') await this.pass(number, step.key, step.damage);
    else await this.pass(number, null, new SegmentDamaged(0, this.place.to + 1, 'there is no such object'));
    return true;
  }

  private async check(key: string, segment: OpenSegment, known: ArchivedSegment | undefined): Promise<void> {
    const { number, from, to } = segment.header;
    try {
      const hash = await this.compare(key, segment);
      if (known !== undefined && known.hash !== hash)
        throw new SegmentDamaged(0, from, `the log says that its hash is ${known.hash}, and it is ${hash}`);
      this.place = { number, to, hash };
    } catch (error) {
      if (!(error instanceof SegmentDamaged)) throw error;
      this.note(number, key, error);
      this.place = { number, to, hash: known?.hash };
    }
  }

  /** @returns the hash of the segment */
  private async compare(key: string, segment: OpenSegment): Promise<string> {
    const { live } = this.parts;
    const { number, from, to } = segment.header;
    let hash: string | undefined;
    const messages = this.counted(segment, (found) => (hash = found));
    if (live === undefined || live.head < from || to <= live.left) {
      for await (const _ of messages);
    } else {
      this.compared += 1;
      const end = Math.min(to, live.head);
      const first = Math.max(from, live.left + 1);
      const difference = await differenceOf(messages, live.log.messages(first, end), end, live.left + 1).catch(ofLog);
      if (difference !== undefined)
        this.note(number, key, { offset: null, sequence: difference.sequence, detail: difference.detail });
    }
    // Whoever compares stops reading at a difference.
    return hash ?? (await readThrough(segment)).hash;
  }

  private async *counted(
    segment: OpenSegment,
    onHash: (hash: string) => void,
  ): AsyncGenerator<readonly ArchivedMessage[]> {
    const reading = segment.read();
    for (;;) {
      const next = await reading.next();
      if (next.done === true) return onHash(next.value);
      this.messages += next.value.length;
      for (const { data } of next.value) this.bytes += data.length;
      yield next.value;
    }
  }

  /** Goes on behind a segment that cannot be read, where anybody knows where the next one begins. */
  private async pass(number: number, key: string | null, damage: SegmentDamaged): Promise<void> {
    const { objects, epoch, index } = this.parts;
    const { offset, sequence = this.place.to + 1, detail } = damage;
    this.note(number, key, { offset: key === null ? null : offset, sequence, detail });
    const known = index.get(number);
    if (known !== undefined) {
      this.place = { number, to: known.to, hash: known.hash };
      return;
    }
    this.place = { number, to: await beginOfNext(objects, epoch, number, this.place.to), hash: undefined };
  }

  private note(
    segment: number,
    key: string | null,
    { offset, sequence, detail }: { offset: number | null; sequence: number | undefined; detail: string },
  ): void {
    this.findings.push({ segment, key, sequence: sequence ?? null, offset, reason: detail });
  }
}

/** What is wrong is the log's. */
const ofLog = (error: unknown): Difference => {
  if (!(error instanceof LogDamaged)) throw error;
  return { sequence: error.sequence, detail: `the log is damaged: ${error.detail}` };
};

/** The last sequence of a segment that cannot be read, by where the next one begins. */
const beginOfNext = async (
  objects: ArchiveObjects,
  epoch: string,
  number: number,
  otherwise: number,
): Promise<number> => {
  for await (const { key, number: found } of objects.from(epoch, number + 1)) {
    if (found > number + 1) break;
    try {
      const next = await objects.open(key);
      if (next !== undefined) return next.header.from - 1;
    } catch (error) {
      if (!(error instanceof SegmentDamaged)) throw error;
    }
  }
  return otherwise;
};
