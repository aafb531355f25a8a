import { expect, it } from '@jest/globals';
import { taskPage } from './task-page.js';

const task = {
  uuid: 'u',
  name: 'n',
  state: 'Success',
  progress: 100,
  instanceCount: 1,
  advancedRanges: null,
  runningInstanceCount: 0,
  creationDate: '2027-01-31T12:00:00Z',
};

it('a page of tasks is read as it is, with what lists do not show', () => {
  const page = { data: [{ ...task, jobUuid: null }], nextToken: 'more' };
  expect(taskPage.parse(page)).toEqual(page);
  expect(taskPage.parse({ ...page, nextToken: null }).nextToken).toBeNull();
});

it.each<[what: string, answer: unknown]>([
  ['text', 'Bad gateway'],
  ['null', null],
  ['no rows', { data: null, nextToken: null }],
  ['no token', { data: [] }],
  ['a row that is none', { data: [null], nextToken: null }],
  ...Object.keys(task).map((name): [string, unknown] => [
    `no ${name}`,
    { data: [task, { ...task, [name]: undefined }], nextToken: null },
  ]),
])('%s is no page of tasks', (_, answer) => {
  expect(() => taskPage.parse(answer)).toThrow('is no page of tasks');
});
