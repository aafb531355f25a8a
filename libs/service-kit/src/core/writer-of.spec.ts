import { describe, expect, it } from '@jest/globals';
import type { Commit } from '@fornax/contracts';
import { writerOf } from './writer-of.js';

const commit = (actor: Commit['meta']['actor'], ...types: readonly string[]): Pick<Commit, 'meta' | 'events'> => ({
  meta: { actor, source: 'submission', correlationId: 'test' },
  events: types.map((type) => ({ type, at: 0 })) as unknown as Commit['events'],
});

describe('on whose account a commit is written', () => {
  it.each([
    ['user:a', ['TaskSubmitted'], 'user'],
    ['user:a', ['TaskUpdated'], 'user'],
    ['user:a', ['TaskCancelRequested', 'WaitingInstancesCancelled'], 'platform'],
    ['user:a', ['TaskDeleteRequested', 'TaskDeleted'], 'platform'],
    ['user:a', ['BucketDeleted'], 'platform'],
    ['user:a', ['TokenRevoked'], 'platform'],
    ['user:a', ['NodeCredentialsRevoked'], 'platform'],
    // Nothing slips in beside what takes away.
    ['user:a', ['TaskCancelRequested', 'TaskUpdated'], 'user'],
    ['service:scheduler', ['InstancesDispatched'], 'platform'],
    ['node:n', ['NodeJoined'], 'platform'],
  ] as const)('%s, %j: %s', (actor, types, writer) => expect(writerOf(commit(actor, ...types))).toBe(writer));
});
