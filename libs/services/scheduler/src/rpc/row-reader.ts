import type { RpcClient } from '@fornax/base';
import { RPC, taskRowReplySchema, type InstanceRow } from '@fornax/contracts';
import { untilAnswered } from './until-answered.js';

/** Makes the reader of rows of tables, which submission keeps. */
export const rowReader =
  (rpc: Pick<RpcClient, 'request'>, term: AbortSignal) =>
  async (table: {
    readonly taskId: string;
    readonly digest: string;
    readonly instance: number;
  }): Promise<InstanceRow | null> =>
    (await untilAnswered(rpc, term, RPC.taskRow, table, taskRowReplySchema)).row;
