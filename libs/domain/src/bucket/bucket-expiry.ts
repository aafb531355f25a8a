import type { InstantMs } from '../shared/time.js';
import { accept, reject, type Decision } from '../shared/decider.js';

/** Rules say how long objects stay that begin with a prefix; every rule counts by itself, so the shortest one does. */
export type BucketExpiryEvent =
  | {
      readonly type: 'BucketExpirySet';
      readonly bucket: string;
      /** Empty: of all objects. */
      readonly prefix: string;
      /** After the last change of an object. */
      readonly afterSeconds: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'BucketExpiryRemoved';
      readonly bucket: string;
      readonly prefix: string;
      readonly at: InstantMs;
    }
  /** Objects below `prefix`, behind `after` and up to `through` (in the order of keys), that were stored at `before` or earlier are deleted. */
  | {
      readonly type: 'BucketObjectsExpired';
      readonly bucket: string;
      readonly prefix: string;
      readonly before: InstantMs;
      readonly after: string | null;
      readonly through: string;
      readonly objects: number;
      readonly bytes: number;
      /** The first of their keys. */
      readonly names: readonly string[];
      readonly at: InstantMs;
    };

type Without<T> = T extends { readonly bucket: string } ? Omit<T, 'type' | 'bucket'> : never;
type Owned = { readonly owner: string };
export type BucketExpiryCommand =
  | ({ readonly type: 'SetBucketExpiry' } & Owned & Without<Extract<BucketExpiryEvent, { type: 'BucketExpirySet' }>>)
  | ({ readonly type: 'RemoveBucketExpiry' } & Owned &
      Without<Extract<BucketExpiryEvent, { type: 'BucketExpiryRemoved' }>>)
  | ({ readonly type: 'ExpireBucketObjects' } & Owned &
      Without<Extract<BucketExpiryEvent, { type: 'BucketObjectsExpired' }>>);

/** Seconds after the last change, by prefix. */
export type BucketExpiry = ReadonlyMap<string, number>;
export const noExpiry: BucketExpiry = new Map();

const MOST_RULES = 100;

/**
 * Decides about the rules of a bucket that exists, and about what they say is over. Rejections: `too-many-expiry-rules`, `expiry-rule-not-found`.
 * @param of the bucket, and when it was made: what is due by a rule of an earlier one of its name is none of its objects
 */
export const decideExpiry = (
  rules: BucketExpiry,
  of: { readonly bucket: string; readonly createdAt: InstantMs },
  command: BucketExpiryCommand,
): Decision<BucketExpiryEvent> => {
  const { bucket } = of;
  const { prefix, at } = command;
  const afterSeconds = rules.get(prefix);
  switch (command.type) {
    case 'SetBucketExpiry':
      if (afterSeconds === command.afterSeconds) return accept();
      if (afterSeconds === undefined && rules.size >= MOST_RULES)
        return reject('conflict', 'too-many-expiry-rules', `A bucket has ${MOST_RULES} expiry rules at most`);
      return accept({ type: 'BucketExpirySet', bucket, prefix, afterSeconds: command.afterSeconds, at });
    case 'RemoveBucketExpiry':
      if (afterSeconds === undefined)
        return reject('not-found', 'expiry-rule-not-found', `The bucket has no expiry rule for the prefix "${prefix}"`);
      return accept({ type: 'BucketExpiryRemoved', bucket, prefix, at });
    case 'ExpireBucketObjects': {
      const { before, after, through, objects, bytes, names } = command;
      // The rule, or the bucket, may have become another one since its objects were looked through.
      const isDue = afterSeconds !== undefined && before <= at - afterSeconds * 1000 && before > of.createdAt;
      if (!isDue || objects === 0) return accept();
      return accept({
        type: 'BucketObjectsExpired',
        bucket,
        prefix,
        before,
        after,
        through,
        objects,
        bytes,
        names,
        at,
      });
    }
  }
};

export const evolveExpiry = (rules: BucketExpiry, event: BucketExpiryEvent): BucketExpiry => {
  if (event.type === 'BucketObjectsExpired') return rules;
  const next = new Map(rules);
  if (event.type === 'BucketExpirySet') next.set(event.prefix, event.afterSeconds);
  else next.delete(event.prefix);
  return next;
};
