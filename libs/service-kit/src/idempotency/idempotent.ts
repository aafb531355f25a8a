import { createHash } from 'node:crypto';
import {
  Inject,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ApiHeader } from '@nestjs/swagger';
import { getDataSourceToken } from '@nestjs/typeorm';
import { OutcomeUnknown } from '@fornax/event-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { lastValueFrom, of, type Observable } from 'rxjs';
import type { DataSource } from 'typeorm';
import { accountOf, Fingerprints, noteBegunBefore } from '@fornax/identity';
import { LOGGER } from '../core/tokens.js';
import { Conflict, FornaxError, Invalid, Unsettled } from '@fornax/base';
import { wireErrorOf } from '../errors/wire-error.js';
import { IdempotencyStore, type StoredAnswer } from './idempotency-store.js';

export interface IdempotentOptions {
  /** The service whose database keeps the answers; its migrations hold `IdempotencyKeys1790000600000`. */
  readonly service: string;
  /** Whether carrying the request out twice under one key does no more than once: then one that was cut off is simply repeated. */
  readonly repeatable: boolean;
  /** The answer holds a secret: it is not kept, and whoever repeats the request learns that it was carried out. */
  readonly isShownOnce?: boolean;
  /** Ids of what the request made, by its answer. */
  readonly objectsOf?: (body: unknown) => readonly string[];
  /** Whether this is the last word; an answer that is not is not kept. */
  readonly isFinal?: (body: unknown) => boolean;
  /** How an answer that is no JSON is kept, and read back. */
  readonly form?: { readonly keep: (body: unknown) => unknown; readonly restore: (kept: unknown) => unknown };
}

const HEADER = 'idempotency-key';
const SERVER_FAULT = 500;
const MAX_KEY_CHARS = 1_024;

/** The caller's name for its request. @throws Invalid it is too long */
const keyOf = (request: FastifyRequest): string | undefined => {
  const value = request.headers[HEADER];
  const key = (Array.isArray(value) ? value[0] : value)?.trim();
  if (key === undefined || key === '') return undefined;
  if (key.length > MAX_KEY_CHARS)
    throw new Invalid(`An Idempotency-Key has at most ${MAX_KEY_CHARS} characters`, { code: 'idempotency-key-long' });
  return key;
};

/** Of one account and one route: the same key elsewhere is another one. */
const hashOf = (request: FastifyRequest, key: string): string => {
  const [path = ''] = request.url.split('?');
  const parts = [accountOf(request).id, request.method, path, key];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
};

const otherBody = (): Conflict =>
  new Conflict('This Idempotency-Key was used for another request', { code: 'idempotency-key-used' });
const underWay = (): Conflict =>
  new Conflict('A request with this Idempotency-Key is being carried out: send it again in a while', {
    code: 'idempotency-key-busy',
  });

const shownBefore = (): Conflict =>
  new Conflict('The request with this Idempotency-Key was carried out; its answer is shown only once', {
    code: 'idempotency-answer-shown',
  });

interface Flight {
  readonly fingerprint: string;
  readonly answer: Promise<StoredAnswer>;
}

const interceptorFor = ({
  service,
  repeatable,
  isShownOnce = false,
  objectsOf,
  isFinal,
  form,
}: IdempotentOptions): Type<NestInterceptor> => {
  @Injectable()
  class IdempotencyInterceptor implements NestInterceptor {
    private readonly flights = new Map<string, Flight>();
    private store: IdempotencyStore | undefined;

    constructor(
      @Inject(ModuleRef) private readonly modules: ModuleRef,
      @Inject(Fingerprints) private readonly bodies: Fingerprints,
      @Inject(LOGGER) private readonly logger: Logger,
    ) {}

    async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
      const request = context.switchToHttp().getRequest<FastifyRequest>();
      const key = keyOf(request);
      if (key === undefined) return next.handle();
      const reply = context.switchToHttp().getResponse<FastifyReply>();
      const hash = hashOf(request, key);
      const fingerprint = this.bodies.fingerprint(JSON.stringify(request.body ?? null));
      const flight = this.flights.get(hash);
      if (flight) {
        if (flight.fingerprint !== fingerprint) throw otherBody();
        return replay(reply, await flight.answer);
      }
      const answer = this.answer(hash, fingerprint, context, next);
      this.flights.set(hash, { fingerprint, answer });
      try {
        return replay(reply, await answer);
      } finally {
        this.flights.delete(hash);
      }
    }

    /** The answer kept under the key, or that of carrying the request out. */
    private async answer(
      hash: string,
      fingerprint: string,
      context: ExecutionContext,
      next: CallHandler,
    ): Promise<StoredAnswer> {
      const reply = context.switchToHttp().getResponse<FastifyReply>();
      const store = (this.store ??= new IdempotencyStore(
        this.modules.get<DataSource>(getDataSourceToken(service), { strict: false }),
      ));
      const claim = await store.claim(hash, fingerprint);
      if (claim.kind === 'other-body') throw otherBody();
      if (claim.kind === 'answered') {
        if (isShownOnce) throw shownBefore();
        reply.header('idempotent-replayed', 'true');
        return form ? { ...claim.answer, body: form.restore(claim.answer.body) } : claim.answer;
      }
      if (claim.kind === 'unanswered' && !repeatable && !(await store.takeOver(hash))) throw underWay();
      if (claim.kind === 'unanswered') noteBegunBefore(context.switchToHttp().getRequest<FastifyRequest>());
      try {
        const body: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
        const given: StoredAnswer = { status: reply.statusCode, location: locationOf(reply), body };
        const kept = { ...given, body: isShownOnce ? undefined : form ? form.keep(body) : body };
        if (isFinal?.(body) !== false) await this.keep(store, hash, kept, objectsOf?.(body) ?? []);
        return given;
      } catch (error) {
        // A "no" is no answer to keep: the caller may mend the request and use its key again. After anything else nobody knows what was done.
        if (isNo(error)) await store.giveBack(hash);
        throw repeatable && error instanceof OutcomeUnknown ? sendAgain(error) : error;
      }
    }

    /** Whoever asks again without a kept answer has the request carried out under its key again, which this one's answer need not wait for. */
    private async keep(store: IdempotencyStore, ...answer: Parameters<IdempotencyStore['keep']>): Promise<void> {
      try {
        await store.keep(...answer);
      } catch (error) {
        this.logger.warn({ err: error }, 'an answer could not be kept under its Idempotency-Key');
      }
    }
  }
  return IdempotencyInterceptor;
};

/** Clients repeat a 504 with the key that they gave, which is right whatever the log did. */
const sendAgain = (cause: OutcomeUnknown): Unsettled =>
  new Unsettled(
    'The event log does not answer, so nobody can say yet whether this was done. Send it again with the same Idempotency-Key: it is done once.',
    { cause },
  );

/** The request did nothing, for sure. */
const isNo = (error: unknown): boolean => {
  if (error instanceof OutcomeUnknown || error instanceof Unsettled) return false;
  return error instanceof FornaxError || wireErrorOf(error).status < SERVER_FAULT;
};

const locationOf = (reply: FastifyReply): string | null => {
  const location = reply.getHeader('location');
  return typeof location === 'string' ? location : null;
};

const replay = (reply: FastifyReply, { status, location, body }: StoredAnswer): Observable<unknown> => {
  reply.code(status);
  if (location !== null) reply.header('location', location);
  return of(body);
};

/**
 * The route answers a repeated request with an `Idempotency-Key` as it answered the first: same account, route, key and body. Another body
 * under the key is refused with 409. The answer is kept as long as what the request made, or for a day.
 */
export const Idempotent =
  (options: IdempotentOptions): MethodDecorator =>
  (target, key, descriptor) => {
    UseInterceptors(interceptorFor(options))(target, key, descriptor);
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Your name for this request: repeated with the same body, it gives the same answer',
      schema: { type: 'string', maxLength: MAX_KEY_CHARS },
    })(target, key, descriptor);
  };
