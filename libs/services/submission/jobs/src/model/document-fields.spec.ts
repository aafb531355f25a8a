import { describe, expect, it } from '@jest/globals';
import { jobDocumentSchema } from '@fornax/contracts';
import { inFieldsOf } from './document-fields.js';

describe('what is wrong with a document', () => {
  const document = jobDocumentSchema.parse({
    name: 'job',
    tasks: [{ name: 'a' }, { name: 'b', profile: 'own', resultBucket: 'a/b' }],
  });

  it('is named as the document names it, and once for all tasks that have it in common', () => {
    const errors = {
      'tasks[0].projectUuid': ['No such project'],
      'tasks[1].projectUuid': ['No such project'],
      'tasks[0].profile': ['No such profile: docker-batch'],
      'tasks[1].profile': ['No such profile: own'],
      'tasks[1].fornax.each': ['Line 1'],
      'tasks[0].resourceBuckets[1]': ['No such bucket: x'],
      'tasks[1].resultBucket': ['cannot be used'],
      'tasks[1].instanceCount': ['too many'],
      poolUuid: ['No such pool'],
      shortname: ['taken'],
    };
    expect(inFieldsOf(document, errors)).toEqual({
      project: ['No such project'],
      profile: ['No such profile: docker-batch'],
      'tasks[1].profile': ['No such profile: own'],
      'tasks[1].matrix': ['Line 1'],
      'resourceBuckets[1]': ['No such bucket: x'],
      'tasks[1].resultBucket': ['cannot be used'],
      'tasks[1].instanceCount': ['too many'],
      pool: ['No such pool'],
      shortname: ['taken'],
    });
  });
});
