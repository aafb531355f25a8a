import { Inject, Injectable } from '@nestjs/common';
import { planSnapshotsReplySchema, RPC, type PlanSnapshotsRequest } from '@fornax/contracts';
import { NotFound, RpcClient, RpcRefused, ValidationFailed } from '@fornax/base';
import type { Asking } from '@fornax/identity';
import { SnapshotBuckets } from '../commands/snapshot-buckets.js';
import { bucketOf, NO_BUCKET, plannedTask } from '../commands/snapshot-of-task.js';
import { SNAPSHOT_SETTINGS, type SnapshotSettings } from '../config/snapshot-config.js';
import { AskedTasks, notRunning } from './asked-tasks.js';
import type { PeriodicRequest } from './wire-snapshot.js';

/** Longer than submission waits for its rows. */
const TIMEOUT_MS = 10_000;

/** An empty text means that there is none. */
const wanted = <K extends string>(key: K, text: string | undefined): { readonly [P in K]?: string | null } =>
  text === undefined ? {} : ({ [key]: text === '' ? null : text } as { readonly [P in K]: string | null });

const noBucket = (): ValidationFailed => new ValidationFailed({ bucket: [NO_BUCKET.text] });

/** Plans periodic snapshots of a task, before it runs or while it does. */
@Injectable()
export class PlanSnapshotsHandler {
  constructor(
    private readonly tasks: AskedTasks,
    private readonly buckets: SnapshotBuckets,
    private readonly rpc: RpcClient,
    @Inject(SNAPSHOT_SETTINGS) private readonly settings: SnapshotSettings,
  ) {}

  /**
   * @throws NotFound the task
   * @throws Forbidden it is over or ends, or somebody else says where to
   * @throws Invalid the bucket
   * @throws ValidationFailed as planned, they would go nowhere
   * @throws Unavailable submission or storage do not answer
   */
  async handle(asking: Asking, idOrShortname: string, { interval, fornax, ...asked }: PeriodicRequest): Promise<void> {
    const task = await this.tasks.alive(asking, idOrShortname, asked);
    if (interval > 0) {
      const bucket = bucketOf({}, plannedTask(asked, task));
      if (bucket === undefined) throw noBucket();
      await this.buckets.ensure(bucket, task.owner, asking);
    }
    const { account, correlationId, reason } = asking;
    const request: PlanSnapshotsRequest = {
      taskId: task.taskId,
      accountId: account.id,
      correlationId,
      ...(reason === undefined ? {} : { reason }),
      plan: {
        intervalSeconds: this.bounded(interval),
        ...wanted('bucket', asked.bucket),
        ...wanted('prefix', asked.bucketPrefix),
        ...wanted('whitelist', asked.whitelist),
        ...wanted('blacklist', asked.blacklist),
        ...(fornax?.snapshotRetention === undefined ? {} : { retention: fornax.snapshotRetention }),
      },
    };
    try {
      await this.rpc.request(RPC.planSnapshots, request, planSnapshotsReplySchema, TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof RpcRefused)) throw error;
      if (error.code === 'task-not-running') throw notRunning(task.taskId);
      if (error.code === NO_BUCKET.code) throw noBucket();
      if (error.code === 'task-not-found') throw new NotFound(error.message, { code: error.code });
      throw error;
    }
  }

  private bounded(seconds: number): number {
    const { minIntervalSeconds, maxIntervalSeconds } = this.settings;
    return seconds === 0 ? 0 : Math.min(Math.max(seconds, minIntervalSeconds), maxIntervalSeconds);
  }
}
