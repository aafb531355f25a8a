import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta, RecordedCommit } from '@fornax/contracts';
import { taskDecider, type TaskCommand, type TaskState } from '@fornax/domain';
import { decideAndAppend, type EventLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { Sealer } from '@fornax/identity';
import { derivedId, type Clock } from '@fornax/base';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface TaskDecision {
  readonly taskId: string;
  /** The command without its time, which is this service's clock. */
  readonly command: DistributiveOmit<TaskCommand, 'at'>;
  /** Repeating a command under one id appends once. */
  readonly commitId: string;
  readonly meta: CommitMeta;
  /** A fold at hand, of which only the tail is read; without it the whole task is. */
  readonly loaded?: Loaded<TaskState> | undefined;
}

/** Decides commands on tasks and appends what comes out. */
@Injectable()
export class TaskCommits {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @returns the sequence of the commit, or of the last one when there was nothing to append
   * @throws CommandRejected, Outrun, LogUnavailable, AggregateStopped
   */
  async decide({ taskId, command, commitId, meta, loaded }: TaskDecision): Promise<number> {
    const at = this.clock.now();
    const { sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'task',
      id: taskId,
      decider: taskDecider,
      command: { ...command, at },
      commitId,
      meta,
      at,
      ...(loaded ? { loaded } : {}),
    });
    return sequence;
  }

  /** The id of the commit that submits a task on a request with this body. The body may hold secrets: nothing of it can be found in the id. */
  idOfSubmission(taskId: string, body: unknown): string {
    return derivedId('submit', taskId, this.sealer.fingerprint(JSON.stringify(body)));
  }

  /** The commit that submitted the task; undefined when the log has no such task. @throws LogUnavailable */
  async submissionOf(taskId: string): Promise<RecordedCommit | undefined> {
    return (await this.log.readAggregate('task', taskId, 0, 1))[0];
  }

  async has(taskId: string, commitId: string): Promise<boolean> {
    return (await this.log.readAggregate('task', taskId)).some(({ id }) => id === commitId);
  }
}
