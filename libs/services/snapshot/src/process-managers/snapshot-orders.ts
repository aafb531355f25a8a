import { countedFromZero } from '@fornax/base';
import { Inject } from '@nestjs/common';
import { dispatchSubject, type RecordedCommit, type SnapshotOrder } from '@fornax/contracts';
import { folderOf, isSnapshotOpen, taskDecider, type SnapshotEvent, type SnapshotPart } from '@fornax/domain';
import { loadAggregate, withEvents, type DurablePublisher, type EventLog } from '@fornax/event-store';
import { EVENT_LOG, LogFollower, LogHandler, PUBLISHER } from '@fornax/service-kit';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import { EndedParts } from './ended-parts.js';
import { PeriodicSnapshots } from './periodic-snapshots.js';

type Triggered = Extract<SnapshotEvent, { type: 'SnapshotTriggered' }>;

/** The commit that triggered a snapshot. */
interface Cause {
  readonly sequence: number;
  readonly traceparent: string | undefined;
}

const leasesEndedIn = (batch: readonly RecordedCommit[]): readonly string[] =>
  batch.flatMap(({ events }) =>
    events.flatMap((event) =>
      event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued'
        ? event.attempts.map(({ leaseId }) => leaseId)
        : [],
    ),
  );

/**
 * Carries snapshots on from the log: sends the orders of a triggered one to its nodes, and fails parts whose lease is over. Both are
 * safe to repeat, so a crash between the commit and the orders costs nothing.
 */
@LogFollower()
export class SnapshotOrders {
  private readonly counter = countedFromZero('fornax.snapshots.ended', [
    { outcome: 'completed' },
    { outcome: 'failed' },
  ]);

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PUBLISHER) private readonly publisher: DurablePublisher,
    private readonly commands: SnapshotCommands,
    private readonly ended: EndedParts,
    private readonly periodic: PeriodicSnapshots,
  ) {}

  /** Its checkpoint is kept under an older name. */
  @LogHandler({
    name: 'snapshot-desk',
    aggregates: ['task', 'snapshot'],
    wants: withEvents(
      'SnapshotTriggered',
      'SnapshotCompleted',
      'SnapshotFailed',
      'InstancesConcluded',
      'InstancesRequeued',
      'InstancesStarted',
      'TaskSnapshotsPlanned',
    ),
    from: 'checkpoint',
    service: 'snapshot',
  })
  async carryOn(batch: readonly RecordedCommit[]): Promise<void> {
    this.periodic.notice(batch);
    for (const { aggregateId, events, meta, sequence } of batch) {
      for (const event of events) {
        if (event.type === 'SnapshotTriggered') await this.order(event, { sequence, traceparent: meta.traceparent });
        if (event.type !== 'SnapshotCompleted' && event.type !== 'SnapshotFailed') continue;
        this.commands.forget(aggregateId);
        this.counter.add(1, { outcome: event.type === 'SnapshotCompleted' ? 'completed' : 'failed' });
      }
    }
    const ended = leasesEndedIn(batch);
    if (ended.length > 0) await this.ended.failAwaited(ended, batch.at(-1)?.sequence ?? 0);
  }

  private async order(event: Triggered, cause: Cause): Promise<void> {
    const { snapshotId, taskId, parts } = event;
    if (!isSnapshotOpen(await this.commands.load(snapshotId))) return;
    // A lease that was over before the snapshot was in the log is noticed here; one that ends later, by its end.
    const { state } = await loadAggregate(this.log, 'task', taskId, taskDecider);
    const isCurrent = ({ instance, leaseId }: SnapshotPart): boolean =>
      state.inFlight.get(instance)?.leaseId === leaseId;
    const gone = parts.filter((part) => !isCurrent(part));
    if (gone.length > 0)
      return this.ended.fail(
        snapshotId,
        gone.map(({ leaseId }) => leaseId),
      );
    await Promise.all(parts.map((part) => this.publish(event, part, cause)));
  }

  private async publish(
    { snapshotId, taskId, config }: Triggered,
    part: SnapshotPart,
    { sequence, traceparent }: Cause,
  ): Promise<void> {
    const { node, leaseId, instance } = part;
    const order: SnapshotOrder = {
      kind: 'snapshot',
      snapshotId,
      taskId,
      leaseId,
      instance,
      ...config,
      prefix: folderOf(config.prefix),
      sequence,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    const data = new TextEncoder().encode(JSON.stringify([order]));
    await this.publisher.publish(dispatchSubject(node), data, { msgId: `${snapshotId}/${leaseId}` });
  }
}
