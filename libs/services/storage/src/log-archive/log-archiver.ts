import {
  ARCHIVE_ROOT,
  logArchiveDecider,
  type ArchivedSegment,
  type ArchiveEnd,
  type LogSegmentArchived,
} from '@fornax/domain';
import {
  differenceOf,
  ARCHIVE_ID,
  decideAndAppend,
  encodeSegment,
  loadAggregate,
  type ArchivedMessage,
  type JetStreamLog,
  type Loaded,
} from '@fornax/event-store';
import { eventSubject, type Commit } from '@fornax/contracts';
import type { LogArchiveConfig } from '../config/storage.config.js';
import { type ArchiveObjects, segmentKey } from './archive-objects.js';
import { readThrough, timeOf } from './compare.js';

const INDEX_SUBJECT = eventSubject('log-archive', ARCHIVE_ID);
/** So often a log goes back, and on another way, behind the same segment, at most. */
const MOST_FORKS = 1_000;

export interface LogArchiverParts {
  readonly log: JetStreamLog;
  readonly objects: ArchiveObjects;
  readonly config: LogArchiveConfig;
}

/** The end of the index, in the log. What has left the log is not read for it: the commit that says so names the last segment of that. */
const loadArchiveEnd = async (log: JetStreamLog): Promise<Loaded<ArchiveEnd>> => {
  const { to, number, hash } = await log.left();
  const from = to === 0 ? undefined : { state: { number, to, hash }, sequence: to };
  return loadAggregate(log, 'log-archive', ARCHIVE_ID, logArchiveDecider, from);
};

/**
 * Archives the log: what is not archived yet becomes segments, each of which is stored as an object first and noted in the log then. So whoever dies in
 * between leaves an object that nobody noted; the next one compares it with the log, and notes it. Of two at a time one stores the object, and one
 * notes it.
 */
export class LogArchiver {
  private end: Loaded<ArchiveEnd> | undefined;

  constructor(private readonly parts: LogArchiverParts) {}

  get config(): LogArchiveConfig {
    return this.parts.config;
  }

  /** Forgets what it knew of the index, which others may have written meanwhile. */
  begin(): void {
    this.end = undefined;
  }

  /**
   * Archives what is in the log now. Nothing but notes of segments makes no segment, or a platform that stands still would archive them for ever.
   * @returns the segments that were noted
   * @throws LogDamaged the log has lost something, and nobody has given it up
   */
  async archive(signal?: AbortSignal): Promise<readonly ArchivedSegment[]> {
    this.end ??= await loadArchiveEnd(this.parts.log);
    const { epoch, sequence: head } = await this.parts.log.head();
    const noted: ArchivedSegment[] = [];
    for (;;) {
      const before = this.end.state.to;
      for await (const part of this.parted(before + 1, head)) {
        if (signal?.aborted === true) return noted;
        const segment = await this.close(epoch, part);
        noted.push(segment);
        // Another one was found in its place, and ends elsewhere.
        if (segment.to !== part.to) break;
      }
      if (this.end.state.to === before || this.end.state.to >= head) return noted;
    }
  }

  private async *parted(from: number, to: number): AsyncGenerator<Part> {
    let part = emptyPart(from);
    for await (const batch of this.parts.log.messages(from, to))
      for (const message of batch) {
        part.messages.push(message);
        part.bytes += message.data.length;
        part.to = message.sequence;
        part.isWorthIt ||= message.subject !== INDEX_SUBJECT;
        if (part.bytes < this.parts.config.segmentBytes || !part.isWorthIt) continue;
        yield part;
        part = emptyPart(part.to + 1);
      }
    part.to = to;
    if (part.isWorthIt) yield part;
  }

  private async close(epoch: string, part: Part): Promise<ArchivedSegment> {
    const { state } = this.end ?? { state: ARCHIVE_ROOT };
    const { from, to, messages } = part;
    const about = { epoch, number: state.number + 1, previous: state.hash, from, to, missing: missingIn(part) };
    const encoded = await encodeSegment(about, messages);
    for (let fork = 0; fork < MOST_FORKS; fork += 1) {
      const key = segmentKey(epoch, about.number, fork);
      const { length: sizeBytes } = encoded.bytes;
      if (await this.parts.objects.put(key, encoded))
        return this.note({ ...aboutOf(encoded.header), hash: encoded.hash, sizeBytes, key }, timeOf(messages));
      const found = await this.find(key, epoch, state);
      if (found !== undefined) return this.note(found.segment, found.at);
    }
    throw new Error(`there are ${MOST_FORKS} other segments ${about.number} in the archive of the log`);
  }

  /** The segment under a key, when it is the next one: it follows the last, and holds what the log holds. */
  private async find(
    key: string,
    epoch: string,
    end: ArchiveEnd,
  ): Promise<{ readonly segment: ArchivedSegment; readonly at: number } | undefined> {
    const { objects, log } = this.parts;
    const segment = await objects.open(key);
    if (segment === undefined) return undefined;
    const { header, sizeBytes } = segment;
    const { sequence: head } = await log.head();
    if (header.epoch !== epoch || header.previous !== end.hash || header.from !== end.to + 1 || header.to > head)
      return undefined;
    const { hash, at } = await readThrough(segment);
    const { to: left } = await log.left();
    const live = log.messages(header.from, header.to);
    const difference = await differenceOf(segment.read(), live, header.to, left + 1);
    return difference === undefined ? { segment: { ...aboutOf(header), hash, sizeBytes, key }, at } : undefined;
  }

  private async note(segment: ArchivedSegment, at: number): Promise<ArchivedSegment> {
    const { id: commitId, meta } = noteOf(segment, at);
    const { state, sequence } = await decideAndAppend({
      log: this.parts.log,
      aggregate: 'log-archive',
      id: ARCHIVE_ID,
      decider: logArchiveDecider,
      command: { type: 'RecordSegment', ...segment, at },
      commitId,
      meta,
      at,
      ...(this.end === undefined ? {} : { loaded: this.end }),
    });
    this.end = { state, sequence };
    return segment;
  }
}

/** The commit that notes a segment. It follows from the segment alone, so whoever puts a log back knows the notes behind its end. */
export const noteOf = (segment: ArchivedSegment, at: number): Commit<LogSegmentArchived> => {
  const id = `segment-${segment.hash}`;
  const meta = { actor: 'service:storage', source: 'storage', correlationId: id } as const;
  return { id, events: [{ type: 'LogSegmentArchived', ...segment, at }], meta, at };
};

interface Part {
  readonly from: number;
  to: number;
  bytes: number;
  /** There is more in it than notes of segments. */
  isWorthIt: boolean;
  readonly messages: ArchivedMessage[];
}
const emptyPart = (from: number): Part => ({ from, to: from - 1, bytes: 0, isWorthIt: false, messages: [] });

const missingIn = ({ from, to, messages }: Part): [number, number][] => {
  const missing: [number, number][] = [];
  let next = from;
  for (const sequence of [...messages.map((message) => message.sequence), to + 1]) {
    if (sequence > next) missing.push([next, sequence - 1]);
    next = sequence + 1;
  }
  return missing;
};

export const aboutOf = ({
  number,
  from,
  to,
  messages,
  previous,
}: ArchivedSegment | Omit<ArchivedSegment, 'hash' | 'sizeBytes' | 'key'>) => ({
  number,
  from,
  to,
  messages,
  previous,
});
