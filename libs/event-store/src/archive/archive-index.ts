import type { ArchivedSegment } from '@fornax/domain';
import type { EventLog } from '../log/event-log.js';

/** Id of the one aggregate that is the index of the archive. */
export const ARCHIVE_ID = 'log';

/** The index of the archive of the log, as the log has it. It only grows, so it is read on from where it ended. Safe to share. */
export class ArchiveIndex {
  private known: { readonly epoch: string; readonly sequence: number; readonly segments: readonly ArchivedSegment[] } =
    { epoch: '', sequence: 0, segments: [] };

  constructor(private readonly log: Pick<EventLog, 'readAggregate'>) {}

  /**
   * What is archived now, in order.
   * @param epoch of the log that is there
   * @param after only notes behind this sequence, or more: those of what has left the log are in the archive themselves, and slow to read
   */
  async segments(epoch: string, after = 0): Promise<readonly ArchivedSegment[]> {
    const known = this.known.epoch === epoch ? this.known : { epoch, sequence: after, segments: [] };
    const commits = await this.log.readAggregate('log-archive', ARCHIVE_ID, known.sequence);
    const found = commits.flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'LogSegmentArchived' ? [event] : [])),
    );
    const sequence = commits.at(-1)?.sequence ?? known.sequence;
    const segments = found.length === 0 ? known.segments : [...known.segments, ...found];
    this.known = { epoch, sequence, segments };
    return segments;
  }
}
