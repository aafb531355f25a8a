import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { TaskLeases } from '@fornax/tasks';
import { OutputArchiver } from '../model/output-archiver.js';
import { OutputLeases } from '../model/output-leases.js';
import { OutputSignals } from '../model/output-signals.js';

const ENDS = ['InstancesConcluded', 'SlotsEnded', 'PoolClosed', 'PoolFailed'] as const;
const hasEnds = withEvents(...ENDS);

/** Tells the readers and the archiver of output when a task, a pool, an instance or a slot has ended. In every process: each has readers of its own. */
@LogFollower()
export class EndedTasks {
  constructor(
    private readonly rows: TaskLeases,
    private readonly signals: OutputSignals,
    private readonly archiver: OutputArchiver,
    private readonly leases: OutputLeases,
  ) {}

  /** Apart from the others, for it waits for nothing: what a node prints is let in as soon as its lease is known. */
  @LogHandler({
    name: 'output-leases',
    aggregates: ['task', 'pool'],
    wants: withEvents('InstancesDispatched', 'SlotsDispatched', ...ENDS, 'InstancesRequeued'),
    from: 'now',
  })
  learn(batch: readonly RecordedCommit[]): Promise<void> {
    for (const commit of batch) this.leases.fold(commit);
    return Promise.resolve();
  }

  @LogHandler({ name: 'output-signals', aggregates: ['task', 'pool'], from: 'now' })
  async tell(batch: readonly RecordedCommit[]): Promise<void> {
    const ended = batch.filter(hasEnds);
    const followed = batch.filter(({ aggregateId }) => this.signals.isFollowed(aggregateId));
    const awaited = followed.length > 0 ? followed : ended;
    if (awaited.length === 0) return;
    // Whoever is woken looks at the rows. Nobody waits for the archiver.
    await this.rows.passed(awaited, followed.length === 0);
    this.signals.wake(followed.map(({ aggregateId }) => aggregateId));
    if (ended.length > 0) this.archiver.nudge();
  }
}
