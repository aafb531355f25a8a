import type { IdempotentOptions } from '@fornax/service-kit';
import { z } from 'zod';

const named = z.union([z.object({ uuid: z.string() }), z.object({ id: z.string() })]);

/** A repeated request that makes a user, an organization or a project makes no second one: it finds its own commit in the log. */
export const madeOnce: IdempotentOptions = {
  service: 'submission',
  repeatable: true,
  objectsOf: (body) => {
    const made = named.safeParse(body);
    if (!made.success) return [];
    return ['uuid' in made.data ? made.data.uuid : made.data.id];
  },
};

/** A token is shown once: a request that is repeated makes no other one, and does not show the first one again. */
export const tokenMadeOnce: IdempotentOptions = { service: 'submission', repeatable: false, isShownOnce: true };
