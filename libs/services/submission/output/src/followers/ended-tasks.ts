import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { StatusBarrier } from '@fornax/tasks';
import { OutputArchiver } from '../model/output-archiver.js';
import { OutputLeases } from '../model/output-leases.js';
import { OutputSignals } from '../model/output-signals.js';

/** Tells the readers and the archiver of output when a task or an instance has ended. In every process: each has readers of its own. */
@LogFollower()
export class EndedTasks {
  constructor(
    private readonly barrier: StatusBarrier,
    private readonly signals: OutputSignals,
    private readonly archiver: OutputArchiver,
    private readonly leases: OutputLeases,
  ) {}

  /** Apart from the others, for it waits for nothing: what a node prints is let in as soon as its lease is known. */
  @LogHandler({
    name: 'output-leases',
    aggregates: ['task'],
    wants: withEvents('InstancesDispatched', 'InstancesConcluded', 'InstancesRequeued'),
    from: 'now',
  })
  learn(batch: readonly RecordedCommit[]): Promise<void> {
    for (const commit of batch) this.leases.fold(commit);
    return Promise.resolve();
  }

  @LogHandler({ name: 'output-signals', aggregates: ['task'], from: 'now' })
  async tell(batch: readonly RecordedCommit[]): Promise<void> {
    const ended = batch.filter(({ events }) => events.some(({ type }) => type === 'InstancesConcluded'));
    const followed = batch.filter(({ aggregateId }) => this.signals.isFollowed(aggregateId));
    const last = (followed.at(-1) ?? ended.at(-1))?.sequence;
    if (last === undefined) return;
    // Whoever is woken looks at the rows. Nobody waits for the archiver.
    await (followed.length > 0 ? this.barrier.passed(last) : this.barrier.passedInDueTime(last));
    this.signals.wake(followed.map(({ aggregateId }) => aggregateId));
    if (ended.length > 0) this.archiver.nudge();
  }
}
