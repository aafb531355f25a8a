import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { ValidationFailed } from '@fornax/base';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { wireEventSchema } from './wire-event.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** A whole number of the query. @throws ValidationFailed */
const wholeNumber = (
  field: string,
  text: unknown,
  fallback: number,
  [least, most]: readonly [number, number],
): number => {
  if (text === undefined) return fallback;
  const value = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new ValidationFailed({ [field]: [`must be a whole number from ${least} to ${most}`] });
  return value;
};

/** Where a page of a history begins, and how much it holds. */
export interface PlaceInHistory {
  readonly from: number;
  readonly most: number;
}

/** Parameter: the page that the query asks for. @throws ValidationFailed */
export const AskedPage = createParamDecorator((_: unknown, context: ExecutionContext): PlaceInHistory => {
  const { after, limit } = context.switchToHttp().getRequest<FastifyRequest>().query as Readonly<
    Record<string, unknown>
  >;
  return {
    from: wholeNumber('after', after, 0, [0, Number.MAX_SAFE_INTEGER]),
    most: wholeNumber('limit', limit, DEFAULT_LIMIT, [1, MAX_LIMIT]),
  };
});

/** Shape of a page of the events of one object. */
export const pageOfEvents = {
  events: z.array(wireEventSchema),
  /** `after` of the next page; null when there is nothing more yet. */
  next: z.int().nullable(),
};

/** For the OpenAPI document: `after` and `limit`. */
export const AsksForPage = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({
      name: 'after',
      required: false,
      description: 'Only commits after this sequence; `next` of the page before',
    }),
    ApiQuery({
      name: 'limit',
      required: false,
      description: `Events on a page, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} if absent`,
    }),
  );
