import { z } from 'zod';
import type { IdempotentOptions } from '@fornax/service-kit';

const SERVER_FAULT = 500;
const createdAnswer = z.object({ uuid: z.string() });
const bulkAnswer = z.array(z.object({ uuid: z.string().nullable(), statusCode: z.number() }));

/** A repeated request that makes tasks makes none again; an item that failed for a reason of ours is tried again when the bulk is. */
export const createsTasks: IdempotentOptions = {
  service: 'submission',
  // The id of a task comes from the key, so that a request that was cut off finds what it made.
  repeatable: true,
  objectsOf: (body) => {
    const one = createdAnswer.safeParse(body);
    if (one.success) return [one.data.uuid];
    const many = bulkAnswer.safeParse(body);
    return many.success ? many.data.flatMap(({ uuid }) => uuid ?? []) : [];
  },
  isFinal: (body) => {
    const many = bulkAnswer.safeParse(body);
    return !many.success || many.data.every(({ statusCode }) => statusCode < SERVER_FAULT);
  },
};
