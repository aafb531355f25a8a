import type { ArchivedSegment } from '@fornax/domain';
import {
  SegmentDamaged,
  type ArchivedMessage,
  type ArchivedPart,
  type ArchivedRange,
  type JetStreamLog,
} from '@fornax/event-store';
import type { ArchiveObjects } from './archive-objects.js';
import { readThrough } from './compare.js';
import { areFew } from './few-commits.js';
import type { LeftIndex } from './left-index.js';

/** Bytes of messages in one answer, unless one message has more. */
const PART_BYTES = 1024 * 1024;
/** Commits of kinds that have few, in one answer. */
const FEW_AT_ONCE = 1_000;
/** Segments that are kept as they were read: whoever reads them all asks for several parts of one. */
const KEPT = 2;
/** For so long: whoever asks later wants to know what lies there now. */
const KEPT_MS = 10_000;

interface Kept {
  readonly at: number;
  readonly messages: Promise<readonly ArchivedMessage[]>;
}

/** Reads what has left the log for whoever asks, from segments whose bytes were compared with their hashes. */
export class LeftMessages {
  private readonly kept = new Map<string, Kept>();

  constructor(
    private readonly log: JetStreamLog,
    private readonly objects: ArchiveObjects,
    private readonly index: LeftIndex,
  ) {}

  /** @throws Error why it cannot be read */
  async partOf({ from, to, subjects }: ArchivedRange): Promise<ArchivedPart> {
    const [{ epoch }, left] = [await this.log.head(), await this.log.left()];
    if (to > left.to) throw new Error(`only commits up to ${left.to} have left the event log`);
    await this.index.bringTo(epoch, left);
    if (areFew(subjects)) return this.fewOf(epoch, { from, to, subjects });
    const segment = await this.index.find({ epoch, number: left.number, from, subjects });
    if (segment === undefined || segment.from > to) return { messages: [], next: undefined };
    const isWanted = wantedBy(subjects);
    const wanted = (await this.messagesOf(segment)).filter(
      ({ sequence, subject }) => sequence >= from && sequence <= to && isWanted(subject),
    );
    return partOf(wanted, segment.to < to ? segment.to + 1 : undefined);
  }

  private async fewOf(epoch: string, range: ArchivedRange): Promise<ArchivedPart> {
    const { messages, isCut } = await this.index.few(epoch, range, { messages: FEW_AT_ONCE, bytes: PART_BYTES });
    const last = isCut ? messages.at(-1) : undefined;
    return partOf(messages, last && last.sequence + 1);
  }

  private messagesOf(segment: ArchivedSegment): Promise<readonly ArchivedMessage[]> {
    const known = this.kept.get(segment.key);
    if (known !== undefined && performance.now() - known.at < KEPT_MS) return known.messages;
    const reading = { at: performance.now(), messages: this.read(segment) };
    this.kept.delete(segment.key);
    this.kept.set(segment.key, reading);
    reading.messages.catch(() => {
      if (this.kept.get(segment.key) === reading) this.kept.delete(segment.key);
    });
    for (const key of this.kept.keys()) if (this.kept.size > KEPT) this.kept.delete(key);
    return reading.messages;
  }

  private async read({ key, number, hash }: ArchivedSegment): Promise<readonly ArchivedMessage[]> {
    try {
      const segment = await this.objects.open(key);
      if (segment === undefined) throw new Error('it is not there');
      const messages: ArchivedMessage[] = [];
      const found = await readThrough(segment, (batch) => messages.push(...batch));
      if (found.hash !== hash) throw new Error(`its hash is ${found.hash}, and was ${hash}`);
      return messages;
    } catch (error) {
      const reason = error instanceof SegmentDamaged ? error.detail : String(error);
      throw new Error(`segment ${number} of the archive: ${reason}`, { cause: error });
    }
  }
}

/** As many of some messages as one answer holds. @param next where to go on behind them all */
const partOf = (messages: readonly ArchivedMessage[], next: number | undefined): ArchivedPart => {
  let bytes = 0;
  for (const [index, { data, sequence }] of messages.entries()) {
    if (bytes > 0 && bytes + data.length > PART_BYTES) return { messages: messages.slice(0, index), next: sequence };
    bytes += data.length;
  }
  return { messages, next };
};

const wantedBy = (subjects: readonly string[] | undefined): ((subject: string) => boolean) => {
  if (subjects === undefined) return () => true;
  const exact = new Set(subjects);
  const kinds = subjects.filter((subject) => subject.endsWith('.>')).map((subject) => subject.slice(0, -1));
  return (subject) => exact.has(subject) || kinds.some((kind) => subject.startsWith(kind));
};
