import { describe, expect, it } from '@jest/globals';
import { documentOf } from './job-file.js';

describe('a list of tasks as a document', () => {
  const document = documentOf({ name: 'job', tags: ['t'] }, [
    {
      shortname: 'a',
      name: 'shown',
      instanceCount: 2,
      constants: [
        { key: 'DOCKER_CMD', value: 'true' },
        { key: 'RATE', value: '1' },
      ],
    },
    {
      name: 'b',
      dependencies: {
        dependsOn: ['a'],
        advancedDependsOn: [
          { taskUuid: 'c', taskFinalStateCondition: ['Failure'] },
          { taskUuid: 'd', taskFinalStateCondition: [] },
        ],
      },
      fornax: { after: [{ task: 'a', each: true }], maxParallel: 3 },
    },
    { shortname: 'c' },
    {},
  ]);

  it('has names, commands, environment, and what waits for what', () => {
    expect(document).toEqual({
      name: 'job',
      tags: ['t'],
      tasks: [
        { name: 'a', instanceCount: 2, command: 'true', environment: { RATE: '1' } },
        {
          name: 'b',
          maxParallel: 3,
          after: ['a', { task: 'c', on: 'failure' }, { task: 'd', on: 'any' }, { task: 'a', each: true }],
        },
        { name: 'c' },
        { name: 'task 4' },
      ],
    });
  });

  it('keeps what a document does not know, so that it is refused by its name', () => {
    expect(documentOf({ name: 'job' }, [{ shortname: 'a', snapshotBucket: 'b' }])).toEqual({
      name: 'job',
      tasks: [{ name: 'a', snapshotBucket: 'b' }],
    });
  });
});
