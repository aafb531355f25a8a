import { z } from 'zod';
import { FornaxError } from '../errors/errors.js';

/**
 * Requests over NATS are plain JSON, so that any client can speak them: the request's body is the payload itself, the reply is
 * `{"ok": <reply>}` or `{"error": {"code", "message"}}`. The W3C `traceparent` travels as a header.
 */
export const rpcReplySchema = z.union([
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
  z.object({ ok: z.unknown() }),
]);

export type RpcError = { readonly code: string; readonly message: string };

/** The callee said no. `code` is its stable name of the reason. */
export class RpcRefused extends FornaxError {
  constructor(
    readonly subject: string,
    error: RpcError,
  ) {
    super('refused', error.code, error.message);
  }
}

const isRpcError = (value: unknown): value is RpcError =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  'message' in value &&
  typeof value.message === 'string';

/** The error part of a reply; whatever is not ours is a bug of the callee, and says no more than that. */
export const rpcErrorOf = (error: unknown): RpcError =>
  isRpcError(error)
    ? { code: error.code, message: error.message }
    : { code: 'internal', message: 'Internal Server Error' };
