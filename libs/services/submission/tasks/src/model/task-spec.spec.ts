import type { TaskCreation } from '@fornax/contracts';
import { latestProfile } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';

import { toSpec } from './task-spec.js';

const resourcesOf = (creation: Partial<TaskCreation>) => {
  const profile = latestProfile('docker-batch');
  if (!profile) throw new Error('there is no such profile');
  const made = toSpec(
    { name: 'n', profile: 'docker-batch', instanceCount: 1, ...creation },
    {
      taskId: 't',
      profileOf: () => ({ profile }),
      projectOf: () => ({ id: 'p' }),
      defaultRequest: { cores: 1, memoryMB: 256 },
      mostDiskMB: 100_000,
    },
  );
  return 'spec' in made ? made.spec.resources : made.errors;
};

describe('the resources of a task', () => {
  it('are kept on nodes as long as their bucket says, else as their task does', () => {
    const advancedResourceBuckets = [
      { bucketName: 'a', cacheTTLSec: 60 },
      { bucketName: 'b' },
      { bucketName: 'c', cacheTTLSec: 0 },
    ];
    expect(resourcesOf({ advancedResourceBuckets, defaultResourcesCacheTTLSec: 5 })).toEqual([
      { bucket: 'a', cacheTtlSeconds: 60 },
      { bucket: 'b', cacheTtlSeconds: 5 },
      { bucket: 'c', cacheTtlSeconds: 0 },
    ]);
    expect(resourcesOf({ resourceBuckets: ['a'], defaultResourcesCacheTTLSec: 0 })).toEqual([
      { bucket: 'a', cacheTtlSeconds: 0 },
    ]);
    expect(resourcesOf({ resourceBuckets: ['a'] })).toEqual([{ bucket: 'a' }]);
  });

  it('may be one bucket several times, with prefixes no longer than keys', () => {
    const part = (prefix: string) => ({
      bucketName: 'in',
      filtering: { prefixFiltering: { prefix } },
      resourcesTransformation: { stripPrefix: { prefix } },
    });
    expect(resourcesOf({ advancedResourceBuckets: [part('a/'), part('b/')] })).toEqual([
      { bucket: 'in', prefix: 'a/', stripPrefix: 'a/' },
      { bucket: 'in', prefix: 'b/', stripPrefix: 'b/' },
    ]);
    const constants = [{ key: 'LONG', value: 'x'.repeat(1_025) }];
    expect(resourcesOf({ advancedResourceBuckets: [part('${LONG}')], constants })).toEqual({
      advancedResourceBuckets: [expect.stringMatching(/bucket 1 \(in\) is longer than 1024 bytes/)],
    });
  });
});
