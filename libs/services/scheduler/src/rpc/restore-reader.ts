import type { RpcClient } from '@fornax/base';
import { resumableReplySchema, RPC, type Restore } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import { untilAnswered } from './until-answered.js';

/** An instance of a task that may begin with a snapshot. */
export interface ResumedInstance {
  readonly taskId: string;
  readonly instance: number;
  readonly spec: Pick<TaskSpec, 'resumeFromSnapshot' | 'origin'>;
}

/** What an instance begins with; null: a certain snapshot was asked for and is not there; undefined: nothing. */
export type Resumed = Restore | null | undefined;

/**
 * Finds what an instance begins with: the latest complete snapshot of its own task, of an earlier attempt; or else of the task that its own was made from, the
 * latest or the one that was asked for. A clone begins anew unless it was asked for one.
 */
export const restoreReader =
  (rpc: Pick<RpcClient, 'request'>, term: AbortSignal) =>
  async ({ taskId, instance, spec: { resumeFromSnapshot, origin } }: ResumedInstance): Promise<Resumed> => {
    if (resumeFromSnapshot === undefined) return undefined;
    const ask = async (of: { readonly taskId: string; readonly snapshotId?: string }): Promise<Restore | null> =>
      (await untilAnswered(rpc, term, RPC.resumable, { ...of, instance }, resumableReplySchema)).restore;
    const own = await ask({ taskId });
    if (own || !origin) return own ?? undefined;
    if (resumeFromSnapshot !== 'latest') return ask({ taskId: origin.taskId, snapshotId: resumeFromSnapshot });
    return origin.kind === 'clone' ? undefined : ((await ask({ taskId: origin.taskId })) ?? undefined);
  };
