import { Injectable } from '@nestjs/common';
import type { TaskCreation, TaskRepetition } from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import { AccountDirectory, type Account } from '@fornax/identity';
import { Forbidden, Invalid } from '@fornax/base';
import { isMasked } from '../model/secret-constants.js';
import type { TaskStatus } from '../model/task-status.js';

/** For whom something is done, and who asks for it. */
interface OnBehalf {
  readonly account: Account;
  readonly by: Account;
}

/** Says what may be made of the tasks of others: a clone is of who asks, and a repetition stays its owner's (ADR 0165). */
@Injectable()
export class OthersTasks {
  constructor(private readonly accounts: AccountDirectory) {}

  /** Whether somebody may make a task of their own that is like this one: those who put tasks into its project themselves. */
  mayClone(caller: Account, { fold: { spec } }: Pick<TaskStatus, 'fold'>): boolean {
    if (caller.readBy !== undefined || caller.role === 'auditor' || spec.projectUuid === undefined) return false;
    return this.accounts.projectFor(caller.id, spec.projectUuid) !== undefined;
  }

  /** @throws Forbidden who asks puts no tasks into the project @throws Invalid what the clone would need stays the owner's */
  checkCloning(task: TaskStatus, changes: TaskRepetition, caller: Account): void {
    const { taskId, fold } = task;
    if (!this.mayClone(caller, task))
      throw new Forbidden(`Only its owner, and members of its project, may clone task ${taskId}`, {
        code: 'not-the-owner',
      });
    if (changes.fornax?.pinned === true)
      throw new Invalid(`Only its owner may clone task ${taskId} with the inputs and the image that it had`, {
        code: 'pinned-by-owner',
      });
    if (changes.fornax?.resumeFromSnapshot?.startsWith('snap_') === true)
      throw new Invalid(`Only its owner may begin a clone of task ${taskId} with a snapshot of it`, {
        code: 'snapshot-of-owner',
      });
    if (fold.spec.poolUuid !== undefined && (changes.poolUuid ?? '') === '')
      throw new Invalid(
        `Task ${taskId} runs in a pool of its owner, and a clone would be yours: name a pool of your own (poolUuid)`,
        { code: 'pool-of-owner' },
      );
    if ((fold.spec.dependencies ?? []).length > 0)
      throw new Invalid(
        `Task ${taskId} waits for tasks of its owner, and a clone would be yours: it cannot wait for them`,
        {
          code: 'clone-without-dependencies',
        },
      );
  }

  /** @throws Invalid it has secrets, which nobody but their owner uses */
  checkCloned({ taskId }: TaskStatus, { constants = [] }: TaskCreation): void {
    const secrets = constants.filter(isMasked).map(({ key }) => key);
    if (secrets.length > 0)
      throw new Invalid(
        `Secrets of task ${taskId} stay its owner's, and a clone would be yours: give constants with your own values of ${secrets.join(', ')}`,
        { code: 'secrets-of-owner' },
      );
  }

  /**
   * A repetition of a task that somebody looks after: it is the owner's, and runs what the owner asked for.
   * @throws Forbidden who asks does not look after the task; or something of it is to change; or its owner is disabled
   */
  repeating({ taskId, fold }: TaskStatus, kind: OriginKind, changes: TaskRepetition, by: Account): OnBehalf {
    const account = this.accounts.byId(fold.owner);
    if (!account || !this.accounts.reaches(by, fold.owner, 'tend', fold.spec.projectUuid))
      throw new Forbidden(`Only its owner may do this with task ${taskId}`, { code: 'not-the-owner' });
    if (account.isDisabled)
      throw new Forbidden(`The owner of task ${taskId} is disabled: nothing new of theirs may begin`, {
        code: 'owner-disabled',
      });
    // Which instances it has is not said by who asks.
    const { instanceCount: _count, advancedRanges: _ranges, ...named } = changes;
    const isChanged = Object.values(named).some((value) => value !== undefined && value !== null);
    if (isChanged)
      throw new Forbidden(
        `A ${kind} of task ${taskId} stays its owner's, so it runs as it was: change nothing, or clone it, which makes a task of yours`,
        { code: 'not-the-owner' },
      );
    return { account, by };
  }
}
