import { Injectable } from '@nestjs/common';
import { ensureBucketsReplySchema, placementsReplySchema, RPC } from '@fornax/contracts';
import type { SnapshotConfig, SnapshotPart } from '@fornax/domain';
import { userMeta, type Asking } from '@fornax/identity';
import { Forbidden, Invalid, newId, RpcClient } from '@fornax/base';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import type { TaskRef } from '../projections/task-refs.js';
import { SnapshotReader } from './snapshot-reader.js';
import { newWireSnapshot, type TriggerRequest, type WireSnapshot } from './wire-snapshot.js';

const BUCKETS_TIMEOUT_MS = 5_000;

const notRunning = (taskId: string): Forbidden =>
  new Forbidden(`Task ${taskId} is not running`, { code: 'task-not-running' });

/** What the request leaves open comes from the task; an empty text means that there is none (contract, section 4.7). */
const chosen = (given: string | undefined, stored: string | null): string | null => {
  const text = given ?? stored;
  return text === '' ? null : text;
};

/** @throws Invalid no bucket to write to */
const configOf = (request: TriggerRequest, task: TaskRef): SnapshotConfig => {
  const bucket = [request.bucket, task.snapshotBucket, task.resultBucket].find(
    (name) => name !== undefined && name !== null && name !== '',
  );
  if (bucket === undefined || bucket === null) {
    throw new Invalid('The snapshot needs a bucket: the task has neither a snapshot bucket nor a result bucket', {
      code: 'no-bucket',
    });
  }
  return {
    whitelist: chosen(request.whitelist, task.snapshotWhitelist),
    blacklist: chosen(request.blacklist, task.snapshotBlacklist),
    bucket,
    prefix: chosen(request.bucketPrefix, task.snapshotPrefix),
  };
};

/** `snap_<task>_<yyyyMMddHHmmss>_<4 characters>`: clients take it as opaque (contract, section 3.20). */
export const snapshotIdOf = (taskId: string, at: number, unique: string): string =>
  `snap_${taskId}_${new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)}_${unique.slice(-4)}`;

/** Takes a snapshot of a task's running instances, at once. */
@Injectable()
export class TriggerSnapshotHandler {
  constructor(
    private readonly reader: SnapshotReader,
    private readonly rpc: RpcClient,
    private readonly commands: SnapshotCommands,
  ) {}

  /**
   * @throws NotFound the task
   * @throws Forbidden no instance of it runs, or somebody else says where to: what belongs to the owner goes where the owner said
   * @throws Invalid the bucket
   * @throws Unavailable scheduler or storage do not answer: nothing was triggered
   */
  async handle(asking: Asking, idOrShortname: string, request: TriggerRequest, now: number): Promise<WireSnapshot> {
    const task = await this.reader.task(asking.account, idOrShortname, 'tend');
    const { owner } = task;
    if (owner !== asking.account.id && (request.bucket ?? request.bucketPrefix) !== undefined)
      throw new Forbidden(`Only its owner says where snapshots of task ${task.taskId} go`, { code: 'not-the-owner' });
    if (task.isOver) throw notRunning(task.taskId);
    const config = configOf(request, task);
    const parts = await this.runningParts(task.taskId);
    if (parts.length === 0) throw notRunning(task.taskId);
    await this.ensureBucket(config.bucket, owner, asking);
    const snapshotId = snapshotIdOf(task.taskId, now, newId());
    const at = await this.commands.trigger(
      { snapshotId, taskId: task.taskId, owner, config, parts },
      userMeta('snapshot', asking, { kind: 'user', id: owner }),
    );
    return newWireSnapshot(snapshotId, task.taskId, config, at);
  }

  private async runningParts(taskId: string): Promise<readonly SnapshotPart[]> {
    return (await this.rpc.request(RPC.placements, { taskId }, placementsReplySchema)).running;
  }

  private async ensureBucket(bucket: string, owner: string, { account, correlationId }: Asking): Promise<void> {
    const request = { owner, mustExist: [], create: [bucket], actor: `user:${account.id}` as const, correlationId };
    const { refused } = await this.rpc.request(
      RPC.ensureBuckets,
      request,
      ensureBucketsReplySchema,
      BUCKETS_TIMEOUT_MS,
    );
    const [first] = refused;
    if (first)
      throw new Invalid(`The bucket ${first.bucket} cannot be used: ${first.reason}`, { code: 'bucket-refused' });
  }
}
