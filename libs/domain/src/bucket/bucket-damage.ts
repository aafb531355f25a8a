import type { InstantMs } from '../shared/time.js';
import { accept, type Decision } from '../shared/decider.js';

/** An object whose bytes are not there, or other ones than were stored. */
export interface DamagedObject {
  readonly key: string;
  /** Of what was stored: one that was stored anew is another object. */
  readonly etag: string;
  /** For people. */
  readonly reason: string;
}

/** What scrubs found out about stored bytes: each damage once, until it has ended. */
export type BucketDamageEvent =
  | {
      readonly type: 'BucketDamageFound';
      readonly bucket: string;
      readonly objects: readonly DamagedObject[];
      readonly at: InstantMs;
    }
  | {
      /** They were put back, stored anew or deleted. */
      readonly type: 'BucketDamageEnded';
      readonly bucket: string;
      readonly keys: readonly string[];
      readonly at: InstantMs;
    };

export interface BucketDamageCommand {
  readonly type: 'RecordBucketDamage';
  readonly owner: string;
  readonly found: readonly DamagedObject[];
  /** Of objects that are whole, or not there. */
  readonly ended: readonly string[];
  readonly at: InstantMs;
}

/** ETags of damaged objects, by key. */
export type BucketDamage = ReadonlyMap<string, string>;
export const noDamage: BucketDamage = new Map();

/** Of one bucket at a time. Where more are damaged a disk is lost, and the list of all is what a scrub prints. */
const MOST_KNOWN = 1_000;

/** Decides what is news: the same damage of the same object is known already. */
export const decideDamage = (
  damage: BucketDamage,
  bucket: string,
  { found, ended, at }: BucketDamageCommand,
): Decision<BucketDamageEvent> => {
  const foundKeys = new Set(found.map(({ key }) => key));
  const keys = ended.filter((key) => damage.has(key) && !foundKeys.has(key));
  const room = MOST_KNOWN - damage.size + keys.length;
  const objects = found.filter(({ key, etag }) => damage.get(key) !== etag).slice(0, room);
  const events: BucketDamageEvent[] = [];
  if (keys.length > 0) events.push({ type: 'BucketDamageEnded', bucket, keys, at });
  if (objects.length > 0) events.push({ type: 'BucketDamageFound', bucket, objects, at });
  return accept(...events);
};

export const evolveDamage = (damage: BucketDamage, event: BucketDamageEvent): BucketDamage => {
  const next = new Map(damage);
  if (event.type === 'BucketDamageFound') for (const { key, etag } of event.objects) next.set(key, etag);
  else for (const key of event.keys) next.delete(key);
  return next;
};
