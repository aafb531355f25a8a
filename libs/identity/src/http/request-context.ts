import type { FastifyRequest } from 'fastify';
import { newId } from '@fornax/base';
import { wasBegunBefore } from './begun-before.js';
import type { Account } from '../accounts/account.js';
import { reasonOf } from './reason.js';

/** The actor of a change, with the ids that deduplicate and trace it. */
export interface RequestContext {
  /** For whom: what is made is this account's, and counts for it. */
  readonly account: Account;
  /** Who asks, when that is somebody who looks after what the account has. */
  readonly by?: Account | undefined;
  readonly correlationId: string;
  /** The caller's name for this request: repeated with the same key and body, it gives the same answer. */
  readonly idempotencyKey: string | undefined;
  /** On an `@Idempotent` route: an earlier request under this key was begun and may have been carried out. */
  readonly wasBegunBefore: boolean;
  /** Why, in the caller's words. It is no part of what a key stands for: a repeated request keeps the first one's. */
  readonly reason?: string | undefined;
}

const headerOf = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name];
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  return text === undefined || text === '' ? undefined : text;
};

const MAX_CORRELATION_ID_CHARS = 255;
const correlationIdOf = (request: FastifyRequest): string | undefined =>
  (headerOf(request, 'x-correlation-id') ?? headerOf(request, 'x-request-id'))?.slice(0, MAX_CORRELATION_ID_CHARS);

/** @throws Invalid the reason cannot be shown */
export const contextOf = (request: FastifyRequest, account: Account): RequestContext => ({
  account,
  correlationId: correlationIdOf(request) ?? newId(),
  idempotencyKey: headerOf(request, 'idempotency-key'),
  wasBegunBefore: wasBegunBefore(request),
  reason: reasonOf(request.headers),
});
