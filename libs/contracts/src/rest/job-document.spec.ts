import { describe, expect, it } from '@jest/globals';
import { jobDocumentSchema } from './job-document.js';
import { documentReader } from './wire.js';

const read = documentReader(jobDocumentSchema);
const errorsOf = (body: object): unknown => {
  const result = read({ name: 'job', tasks: [{ name: 'a' }], ...body });
  return result.ok ? undefined : result.errors;
};

describe('a document of a job', () => {
  it.each([
    [{ environment: { 'A B': 1 } }, 'environment.A B', 'A constant is named with letters, digits, "_", "." and "-".'],
    [
      { environment: Object.fromEntries(Array.from({ length: 151 }, (_, n) => [`K${n}`, 1])) },
      'environment',
      'A task has at most 150 constants.',
    ],
    [
      { tasks: [{ name: 'a', matrix: { seed: [1, 12345678901234567890] } }] },
      'tasks[0].matrix.seed[1]',
      'A number of this size is not kept exactly: send it as text.',
    ],
    [
      { tasks: [{ name: 'a', after: ['b', { task: 'b', on: 'sucess' }] }] },
      'tasks[0].after[1].on',
      'The value must be one of success, failure, cancelled, any.',
    ],
    [
      { tasks: [{ name: 'a', after: [{ task: 'b', wibble: 1 }] }] },
      'tasks[0].after[0].wibble',
      'There is no such field.',
    ],
    [{ tasks: [{ name: 'a', command: 3 }] }, 'tasks[0].command', 'The value must be a text.'],
    [{ autoDeleteOnCompletion: 'yes' }, 'autoDeleteOnCompletion', 'The value must be true or false.'],
    [{ wibble: 1 }, 'wibble', 'There is no such field.'],
    [
      { tasks: [{ name: 'a', retrySettings: { maxTotal: 1 } }] },
      'tasks[0].retrySettings.maxTotal',
      'There is no such field.',
    ],
    [JSON.parse('{ "__proto__": { "x": 1 } }'), '__proto__', 'There is no such field.'],
  ])('is refused with the place and a sentence (%#)', (body, path, sentence) => {
    expect(errorsOf(body)).toEqual({ [path]: [sentence] });
  });

  it('has its values as text', () => {
    const result = read({ name: 'job', environment: { A: 0.1, B: true }, tasks: [{ name: 'a' }] });
    expect(result.ok && result.value.environment).toEqual({ A: '0.1', B: 'true' });
  });
});
