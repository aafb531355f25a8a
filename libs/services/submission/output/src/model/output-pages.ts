import { Injectable } from '@nestjs/common';
import type { OutputStream } from '@fornax/contracts';
import type { DataSource } from 'typeorm';
import { OutputArchive } from './output-archive.js';
import { decodeSegment, type PlacedChunk } from './segment.js';
import { SharedReads } from './shared-reads.js';
import { InjectDatabase } from '../config/database.js';

/** Which output: of one instance, or of all of a task when there is no instance. */
export interface OutputKey {
  readonly taskId: string;
  readonly stream: OutputStream;
  readonly instance?: number | undefined;
}

/** Some output in order of arrival, of all attempts that are kept. */
export interface OutputPage {
  readonly chunks: readonly PlacedChunk[];
  /** Where the next page begins. */
  readonly next: number;
  /** There was no more when the page was read. */
  readonly isLast: boolean;
}

interface PageRecord {
  readonly archived_to: string;
  readonly last_position: string;
  readonly position: string | null;
  readonly instance: number;
  readonly attempt: number;
  readonly byte_offset: string;
  readonly data: Buffer;
}
interface SegmentRecord {
  readonly segment_id: string;
  readonly last_position: string;
  readonly data_bytes: string;
  readonly object_key: string;
}

const PAGE_BYTES = 1024 * 1024;
const PAGE_CHUNKS = 2_048;
const MAX_CACHED_SEGMENTS = 4;
const NOTHING: OutputPage = { chunks: [], next: 0, isLast: true };

/**
 * Output page by page, wherever it lies: what arrived first is in segments in object storage, what came later in rows. Readers that ask for the same
 * page at the same time share one read; a page is at most about a segment large.
 */
@Injectable()
export class OutputPages {
  private readonly reads = new SharedReads<OutputPage>();
  private readonly segments = new Map<string, Promise<readonly PlacedChunk[]>>();

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly archive: OutputArchive,
  ) {}

  /** What arrived after a position; 0 stands before everything. @throws Unavailable it lies in object storage, which is away */
  async after(key: OutputKey, position: number): Promise<OutputPage> {
    const name = JSON.stringify([key.taskId, key.stream, key.instance, position]);
    return this.reads.share(name, () => this.read(key, position));
  }

  private async read(key: OutputKey, position: number): Promise<OutputPage> {
    const rows = await this.rows(key, position);
    const [stream] = rows;
    if (!stream) return NOTHING;
    const archivedTo = Number(stream.archived_to);
    if (position < archivedTo) return this.archived(key, position, archivedTo);
    const chunks = rows.flatMap((row): readonly PlacedChunk[] =>
      row.position === null
        ? []
        : [
            {
              position: Number(row.position),
              instance: row.instance,
              attempt: row.attempt,
              offset: Number(row.byte_offset),
              data: row.data,
            },
          ],
    );
    const bytes = chunks.reduce((sum, { data }) => sum + data.length, 0);
    const isLast = bytes < PAGE_BYTES && chunks.length < PAGE_CHUNKS;
    const end = isLast ? Math.max(position, Number(stream.last_position)) : position;
    return { chunks, next: isLast ? end : (chunks.at(-1)?.position ?? end), isLast };
  }

  /** One row at least when the stream has output; rows are only looked for when nothing that is asked for has been archived. */
  private rows({ taskId, stream, instance }: OutputKey, position: number): Promise<readonly PageRecord[]> {
    return this.db.query<PageRecord[]>(
      `SELECT s.archived_to, s.last_position, c.position, c.instance, c.attempt, c.byte_offset, c.data
       FROM log_stream AS s LEFT JOIN LATERAL (
         SELECT chunk.position, chunk.instance, chunk.attempt, chunk.byte_offset, chunk.data
         FROM (SELECT position, sum(size_bytes) OVER (ORDER BY position) - size_bytes AS before FROM (
             SELECT position, size_bytes FROM log_chunk
             WHERE task_id = $1 AND stream = $2 AND position > $3 ${instance === undefined ? '' : 'AND instance = $4'}
             ORDER BY position LIMIT ${PAGE_CHUNKS}) AS near) AS sized
         JOIN log_chunk AS chunk USING (position) WHERE sized.before < ${PAGE_BYTES}
       ) AS c ON s.archived_to <= $3
       WHERE s.task_id = $1 AND s.stream = $2 ORDER BY c.position`,
      [taskId, stream, position, ...(instance === undefined ? [] : [instance])],
    );
  }

  private async archived(
    { taskId, stream, instance }: OutputKey,
    position: number,
    archivedTo: number,
  ): Promise<OutputPage> {
    const [segment] = await this.db.query<SegmentRecord[]>(
      `SELECT segment_id, last_position, data_bytes, object_key FROM log_segment AS s
       WHERE task_id = $1 AND stream = $2 AND is_stored AND last_position > $3 ${
         instance === undefined
           ? ''
           : 'AND EXISTS (SELECT 1 FROM log_archived AS a WHERE a.segment_id = s.segment_id AND a.instance = $4)'
       } ORDER BY last_position LIMIT 1`,
      [taskId, stream, position, ...(instance === undefined ? [] : [instance])],
    );
    if (!segment) return { chunks: [], next: archivedTo, isLast: false };
    const chunks = (await this.segment(segment)).filter(
      (chunk) => chunk.position > position && (instance === undefined || chunk.instance === instance),
    );
    return { chunks, next: Number(segment.last_position), isLast: false };
  }

  /** Segments never change: the last few that were read are kept, for readers who follow each other. */
  private segment({ object_key: key, data_bytes: dataBytes }: SegmentRecord): Promise<readonly PlacedChunk[]> {
    const known = this.segments.get(key);
    if (known) return known;
    const chunks = this.archive.get(key, 0).then((bytes) => decodeSegment(bytes, Number(dataBytes)));
    chunks.catch(() => this.segments.delete(key));
    this.segments.set(key, chunks);
    for (const old of [...this.segments.keys()].slice(0, -MAX_CACHED_SEGMENTS)) this.segments.delete(old);
    return chunks;
  }
}
