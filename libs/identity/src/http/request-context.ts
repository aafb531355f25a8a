import { createHash } from 'node:crypto';
import type { CommitMeta } from '@fornax/contracts';
import type { FastifyRequest } from 'fastify';
import { newId } from '@fornax/base';
import { wasBegunBefore } from '../idempotency/begun-before.js';
import type { Account } from './account.js';
import { reasonOf } from './reason.js';
import { userMeta, type Owner } from './user-meta.js';

/** Who asks for a change, and under which names it is told apart and traced. */
export interface RequestContext {
  readonly account: Account;
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

/** @param owner of what is changed; absent where it is the asker's own, or nobody's */
export const metaOf = (context: RequestContext, owner?: Owner): CommitMeta => userMeta('submission', context, owner);

/** An id that is always the same for the same parts: a UUID of version 8 (RFC 9562) made of their SHA-256. */
export const derivedId = (...parts: readonly string[]): string => {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};
