import { Unavailable, type RpcClient } from '@fornax/base';
import { constantKeyReplySchema, RPC } from '@fornax/contracts';
import { keptKeyIn } from '@fornax/identity';
import { untilAnswered } from './until-answered.js';

/** Times that a key is fetched for one answer. */
const MOST_FETCHES = 5;

/** A data key as the master key wraps it. Null: it was destroyed. Undefined: there is none to fetch. */
export type KeptConstantKey = string | null | undefined;

/** Makes the reader of data keys of constants, which submission keeps. Null: it was destroyed. Undefined: nothing is sealed, or the event itself has the key. */
export const constantKeyReader =
  (rpc: Pick<RpcClient, 'request'>, term: AbortSignal) =>
  async (ownerId: string, wrappedKey: string | undefined): Promise<KeptConstantKey> => {
    const keyId = wrappedKey === undefined ? undefined : keptKeyIn(wrappedKey);
    if (keyId === undefined) return undefined;
    return (await untilAnswered(rpc, term, RPC.constantKey, { keyId, ownerId }, constantKeyReplySchema)).wrapped;
  };

/**
 * Uses the data key of the constants that a task has at that moment: who changes them gives them another one, maybe while this one is fetched.
 * @throws Unavailable they were changed again each time
 */
export const withCurrentKey = async <T>(
  wrappedKeyNow: () => string | undefined,
  keyOf: (wrappedKey: string | undefined) => Promise<KeptConstantKey>,
  use: (keptKey: KeptConstantKey) => T,
): Promise<T> => {
  for (let fetched = 0; fetched < MOST_FETCHES; fetched += 1) {
    const wrappedKey = wrappedKeyNow();
    const keptKey = await keyOf(wrappedKey);
    if (wrappedKeyNow() === wrappedKey) return use(keptKey);
  }
  throw new Unavailable('The constants of the task are being changed: ask again');
};
