import { Inject } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { LogFollower, LogHandler, ReadBarriers } from '@fornax/service-kit';
import { PoolEnds } from '../commands/pool-ends.js';

const poolOf = ({ aggregateId, events }: RecordedCommit): readonly string[] =>
  events.flatMap((event) => {
    if (event.type === 'PoolDeleteRequested') return [aggregateId];
    return event.type === 'TaskSubmitted' && event.spec.poolUuid !== undefined ? [event.spec.poolUuid] : [];
  });

/** Cancels the tasks of deleted pools, those that come to one meanwhile too. */
@LogFollower()
export class PoolAttendant {
  constructor(
    private readonly ends: PoolEnds,
    @Inject(ReadBarriers) private readonly barriers: ReadBarriers,
  ) {}

  @LogHandler({
    name: 'pools-attendant',
    aggregates: ['pool', 'task'],
    wants: (commit) => poolOf(commit).length > 0,
    from: 'checkpoint',
    service: 'submission',
  })
  async attend(batch: readonly RecordedCommit[]): Promise<void> {
    const { sequence = 0 } = batch.at(-1) ?? {};
    const areShown = await Promise.all(['pools', 'status'].map((name) => this.barriers.of(name).passed(sequence)));
    if (areShown.includes(false)) throw new Error('the rows of pools and tasks do not show yet what has happened');
    await this.ends.cancelLate([...new Set(batch.flatMap(poolOf))]);
  }
}
