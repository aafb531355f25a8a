import { describe, expect, it } from '@jest/globals';
import { taskCreationSchema } from './task-creation.js';

const problemsOf = (fornax: unknown) =>
  taskCreationSchema
    .safeParse({ name: 'n', profile: 'docker-batch', fornax })
    .error?.issues.map(({ code, path }) => `${path.join('.')}: ${code}`);

describe('what is asked of Fornax alone', () => {
  it.each([
    ['beside the others', { afterr: [{ task: 'a' }] }, ['fornax: unrecognized_keys']],
    ['of a dependency', { after: [{ task: 'a', onn: 'any' }] }, ['fornax.after.0: unrecognized_keys']],
  ])('is refused with a name that is not known, %s', (_where, fornax, problems) => {
    expect(problemsOf(fornax)).toEqual(problems);
  });

  it('is taken with every name that is known', () => {
    const after = [{ task: 'a', on: 'any', each: true }];
    expect(problemsOf({ each: 'A\n1\n', pinned: true, maxParallel: 2, after })).toBeUndefined();
  });

  it('leaves other unknown fields to the clients that send them (contract, row 6)', () => {
    expect(taskCreationSchema.safeParse({ name: 'n', snapshotInterval: 5, of: 'another client' }).success).toBe(true);
  });
});
