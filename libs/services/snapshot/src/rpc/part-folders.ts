import { Inject, Injectable } from '@nestjs/common';
import { prefixOf, RPC, taskRowReplySchema, type InstanceRow } from '@fornax/contracts';
import { folderOf, taskDecider, type SnapshotConfig, type TaskState } from '@fornax/domain';
import { loadAggregate, type EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { NotFound, RpcClient } from '@fornax/base';

/** The part of a snapshot that one instance takes. */
export interface AskedPart {
  readonly snapshotId: string;
  readonly taskId: string;
  readonly config: Pick<SnapshotConfig, 'prefix'>;
  readonly instance: number;
}

/** Tasks in memory, by snapshot: all parts of one ask within moments of each other. */
const MOST_KEPT = 8;
const TIMEOUT_MS = 3_000;

/** Fills in the prefix of a snapshot for each of its instances: with constants, with their numbers, and with their rows of the task's table. */
@Injectable()
export class PartFolders {
  private readonly tasks = new Map<string, Promise<TaskState>>();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly rpc: RpcClient,
  ) {}

  /** @returns undefined where it is the same for all @throws Unavailable, NotFound the table of its task is lost */
  async of({ snapshotId, taskId, config: { prefix }, instance }: AskedPart): Promise<string | undefined> {
    if (prefix?.includes('${') !== true) return undefined;
    const task = await this.task(snapshotId, taskId);
    const filled = prefixOf(task, prefix, instance, await this.rowOf(task, instance));
    return filled === prefix ? undefined : (folderOf(filled) ?? '');
  }

  private task(snapshotId: string, taskId: string): Promise<TaskState> {
    const known = this.tasks.get(snapshotId);
    if (known) return known;
    const loading = loadAggregate(this.log, 'task', taskId, taskDecider).then(({ state }) => state);
    loading.catch(() => this.tasks.delete(snapshotId));
    this.tasks.set(snapshotId, loading);
    if (this.tasks.size > MOST_KEPT) this.tasks.delete(this.tasks.keys().next().value ?? '');
    return loading;
  }

  private async rowOf({ taskId, spec: { table } }: TaskState, instance: number): Promise<InstanceRow> {
    if (table === undefined) return {};
    const request = { taskId, digest: table.digest, instance };
    const { row } = await this.rpc.request(RPC.taskRow, request, taskRowReplySchema, TIMEOUT_MS);
    if (row === null) throw new NotFound(`The table of parameters of task ${taskId} is lost`, { code: 'table-lost' });
    return row;
  }
}
