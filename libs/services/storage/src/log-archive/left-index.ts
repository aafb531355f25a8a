import type { ArchivedSegment, LogPrefix } from '@fornax/domain';
import type { ArchivedMessage, ArchivedRange, OpenSegment } from '@fornax/event-store';
import { Turns } from './turns.js';
import type { DataSource } from 'typeorm';
import type { ArchiveObjects } from './archive-objects.js';
import { nextSegment, WALK_START, type WalkPlace } from './archive-walk.js';
import { readThrough } from './compare.js';
import { forgetFew, keepFew, readFew, type Most } from './few-commits.js';
import { aboutOf } from './log-archiver.js';
import { hashOf, kindOf } from './subject-hash.js';

/** Which part of the log's archive is asked for. */
export interface IndexQuery {
  readonly epoch: string;
  /** No segment behind it. */
  readonly number: number;
  readonly from: number;
  readonly subjects?: readonly string[] | undefined;
}

/** Knows in which segments of the archive the commits of an aggregate lie, and holds those of which there are few. It follows from the archive alone. */
export class LeftIndex {
  private readonly turns = new Turns();

  constructor(
    private readonly db: DataSource,
    private readonly objects: ArchiveObjects,
  ) {}

  /**
   * Takes in all segments up to the last one of a prefix.
   * @param known what the log says of segments that it still has notes of
   * @throws Error the archive is damaged, or another one than the log says
   */
  bringTo(epoch: string, prefix: LogPrefix, known: ReadonlyMap<number, ArchivedSegment> = new Map()): Promise<void> {
    return this.turns.take(() => this.bring(epoch, prefix, known));
  }

  /** The segments up to one, in order. */
  async segments(epoch: string, number: number): Promise<readonly ArchivedSegment[]> {
    const rows = await this.db.query<{ readonly about: ArchivedSegment }[]>(
      'SELECT about FROM archived_segment WHERE epoch = $1 AND number <= $2 ORDER BY number',
      [epoch, number],
    );
    return rows.map(({ about }) => about);
  }

  /** The first segment that may hold what is asked for. */
  async find({ epoch, number, from, subjects }: IndexQuery): Promise<ArchivedSegment | undefined> {
    const held =
      subjects === undefined
        ? ''
        : 'AND EXISTS (SELECT 1 FROM archived_subject held WHERE held.subject = ANY ($4::bigint[]) AND held.segment = archived_segment.number)';
    const [row] = await this.db.query<{ readonly about: ArchivedSegment }[]>(
      `SELECT about FROM archived_segment WHERE epoch = $1 AND number <= $2 AND last >= $3 ${held} ORDER BY last LIMIT 1`,
      [epoch, number, from, ...(subjects === undefined ? [] : [subjects.map((subject) => hashOf(epoch, subject))])],
    );
    return row?.about;
  }

  /** The first of some commits of which there are few, in order. */
  few(epoch: string, range: ArchivedRange, most: Most): ReturnType<typeof readFew> {
    return readFew(this.db, epoch, range, most);
  }

  private async bring(epoch: string, prefix: LogPrefix, known: ReadonlyMap<number, ArchivedSegment>): Promise<void> {
    for (let place = await this.end(epoch); place.number < prefix.number;) place = await this.add(epoch, place, known);
    const [row] = await this.db.query<{ readonly hash: string }[]>(
      `SELECT about->>'hash' AS hash FROM archived_segment WHERE epoch = $1 AND number = $2`,
      [epoch, prefix.number],
    );
    if (row?.hash === prefix.hash) return;
    // What was taken in is of a way that the log has left.
    await this.db.transaction(async (transaction) => {
      await transaction.query('DELETE FROM archived_segment WHERE epoch = $1', [epoch]);
      await forgetFew(transaction, epoch);
    });
    throw new Error(
      `segment ${prefix.number} of the archive has hash ${row?.hash ?? 'none'}, and the log says ${prefix.hash}`,
    );
  }

  /** The last of those that were taken in whole, one after the other: an older release takes in what is not few alone. */
  private async end(epoch: string): Promise<WalkPlace> {
    const [row] = await this.db.query<{ readonly about: ArchivedSegment }[]>(
      `SELECT about FROM archived_segment WHERE epoch = $1 AND has_few AND NOT EXISTS (
         SELECT 1 FROM archived_segment other WHERE other.epoch = $1 AND NOT other.has_few AND other.number < archived_segment.number
       ) ORDER BY number DESC LIMIT 1`,
      [epoch],
    );
    return row === undefined ? WALK_START : row.about;
  }

  private async add(
    epoch: string,
    place: WalkPlace,
    known: ReadonlyMap<number, ArchivedSegment>,
  ): Promise<ArchivedSegment> {
    const number = place.number + 1;
    const step = await nextSegment(this.objects, epoch, place, known.get(number));
    if (step.kind === 'damaged') throw new Error(`segment ${number} of the archive: ${step.damage.detail}`);
    if (step.kind !== 'segment') throw new Error(`segment ${number} of the archive is missing`);
    const { about, subjects, messages } = await contentOf(step.key, step.segment);
    await this.db.transaction(async (transaction) => {
      await keepFew(transaction, epoch, about, messages);
      await transaction.query(
        'INSERT INTO archived_subject (subject, segment) SELECT hash, $2 FROM unnest($1::bigint[]) hash ON CONFLICT DO NOTHING',
        [subjects.map((subject) => hashOf(epoch, subject)), number],
      );
      await transaction.query(
        `INSERT INTO archived_segment (epoch, number, last, about, has_few) VALUES ($1, $2, $3, $4, true)
         ON CONFLICT (epoch, number) DO UPDATE SET last = excluded.last, about = excluded.about, has_few = true`,
        [epoch, number, about.to, JSON.stringify(about)],
      );
    });
    return about;
  }
}

const contentOf = async (
  key: string,
  segment: OpenSegment & { readonly sizeBytes: number },
): Promise<{
  readonly about: ArchivedSegment;
  readonly subjects: readonly string[];
  readonly messages: readonly ArchivedMessage[];
}> => {
  const subjects = new Set<string>();
  const messages: ArchivedMessage[] = [];
  const { hash } = await readThrough(segment, (batch) => {
    messages.push(...batch);
    for (const { subject } of batch) {
      subjects.add(subject);
      subjects.add(kindOf(subject));
    }
  });
  const about = { ...aboutOf(segment.header), hash, sizeBytes: segment.sizeBytes, key };
  return { about, subjects: [...subjects], messages };
};
