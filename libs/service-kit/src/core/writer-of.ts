import type { Commit } from '@fornax/contracts';
import type { Writer } from './write-stops.js';

/** What ends, takes away or shuts out. A few bytes each, once for each thing, and often what makes the room that is missing. */
const TAKES_AWAY: ReadonlySet<string> = new Set<Commit['events'][number]['type']>([
  'TaskCancelRequested',
  'TaskDeleteRequested',
  'TaskDeleted',
  'WaitingInstancesCancelled',
  'BucketDeleted',
  'WebhookDeleted',
  'TokenRevoked',
  'AccountDisabled',
  'NodeDrained',
  'NodeCredentialsRevoked',
  'NodeTokenRevoked',
]);

/**
 * On whose account a commit is written. What users ask for is refused on a disk that is nearly full, except what takes away: whoever fills the disk could not be
 * stopped otherwise.
 */
export const writerOf = ({ meta, events }: Pick<Commit, 'meta' | 'events'>): Writer =>
  meta.actor.startsWith('user:') && !events.every(({ type }) => TAKES_AWAY.has(type)) ? 'user' : 'platform';
