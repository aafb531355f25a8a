import type { RpcClient } from '@fornax/base';
import { constantKeyReplySchema, RPC } from '@fornax/contracts';
import { keptKeyIn } from '@fornax/identity';
import { untilAnswered } from './until-answered.js';

/** Makes the reader of data keys of constants, which submission keeps. Null: it was destroyed. Undefined: nothing is sealed, or the event itself has the key. */
export const constantKeyReader =
  (rpc: Pick<RpcClient, 'request'>, term: AbortSignal) =>
  async (ownerId: string, wrappedKey: string | undefined): Promise<string | null | undefined> => {
    const keyId = wrappedKey === undefined ? undefined : keptKeyIn(wrappedKey);
    if (keyId === undefined) return undefined;
    return (await untilAnswered(rpc, term, RPC.constantKey, { keyId, ownerId }, constantKeyReplySchema)).wrapped;
  };
