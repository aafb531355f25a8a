import { describe, expect, it } from '@jest/globals';
import { jobDocumentSchema } from './job-document.js';
import { documentReader } from './document-reader.js';

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

  it('is refused with all that is wrong, not with what is found first', () => {
    expect(
      errorsOf({
        name: 'nul\0',
        shade: 1,
        hue: { deep: 1 },
        maxWallTime: 'soon',
        tasks: [
          { name: 'a', wibble: 1, command: 3, after: [{ task: 'b', wobble: 1, on: 'never' }] },
          { instanceCount: 'x', retrySettings: { maxTotal: 1, maxTotalRetries: -1 } },
        ],
      }),
    ).toMatchObject({
      name: ['The text holds a character that cannot be stored.'],
      shade: ['There is no such field.'],
      hue: ['There is no such field.'],
      maxWallTime: [expect.any(String)],
      'tasks[0].wibble': ['There is no such field.'],
      'tasks[0].command': ['The value must be a text.'],
      'tasks[0].after[0].wobble': ['There is no such field.'],
      'tasks[0].after[0].on': ['The value must be one of success, failure, cancelled, any.'],
      'tasks[1].name': ['The value is missing.'],
      'tasks[1].instanceCount': [expect.any(String)],
      'tasks[1].retrySettings.maxTotal': ['There is no such field.'],
      'tasks[1].retrySettings.maxTotalRetries': [expect.any(String)],
    });
  });

  it('has its values as text', () => {
    const result = read({ name: 'job', environment: { A: 0.1, B: true }, tasks: [{ name: 'a' }] });
    expect(result.ok && result.value.environment).toEqual({ A: '0.1', B: 'true' });
  });
});
