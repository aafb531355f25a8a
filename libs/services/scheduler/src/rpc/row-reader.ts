import { backoffMs, delay, type RpcClient } from '@fornax/base';
import { RPC, taskRowReplySchema, type InstanceRow } from '@fornax/contracts';

const TIMEOUT_MS = 2_000;
/** As long as a node waits for the answer; then it asks again. */
const TRIES_MS = 5_000;

/**
 * Makes the reader of rows of tables, which submission keeps. While nobody answers it tries again, so that a lease does not fail for a
 * service that is starting anew: a refusal would be the end of the attempt.
 */
export const rowReader =
  (rpc: Pick<RpcClient, 'request'>, term: AbortSignal) =>
  async (table: {
    readonly taskId: string;
    readonly digest: string;
    readonly instance: number;
  }): Promise<InstanceRow | null> => {
    const deadline = performance.now() + TRIES_MS;
    for (let failures = 1; ; failures += 1) {
      try {
        return (await rpc.request(RPC.taskRow, table, taskRowReplySchema, TIMEOUT_MS)).row;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(backoffMs(failures), term);
        term.throwIfAborted();
      }
    }
  };
