import { backoffMs, delay, type RpcClient } from '@fornax/base';
import type { z } from 'zod';

const TIMEOUT_MS = 2_000;
/** As long as a node waits for the answer; then it asks again. */
const TRIES_MS = 5_000;

/**
 * Asks another service what a grant needs. While nobody answers it tries again, so that a lease does not fail for a service that is starting anew: a
 * refusal would be the end of the attempt.
 * @throws Unavailable nobody has answered for five seconds @throws the reason of `term`
 */
export const untilAnswered = async <S extends z.ZodType>(
  rpc: Pick<RpcClient, 'request'>,
  term: AbortSignal,
  subject: string,
  body: unknown,
  schema: S,
): Promise<z.output<S>> => {
  const deadline = performance.now() + TRIES_MS;
  for (let failures = 1; ; failures += 1) {
    try {
      return await rpc.request(subject, body, schema, TIMEOUT_MS);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(backoffMs(failures), term);
      term.throwIfAborted();
    }
  }
};
