import { expect, it } from '@jest/globals';
import { directivesIn } from '../submission/script.js';
import { askedIn } from './submit.js';

const asked = (...lines: readonly string[]) =>
  askedIn({ name: 's.sh', directives: directivesIn(['#!/bin/sh', ...lines].join('\n'), 's.sh') });

it('an option that may be repeated may be so on several lines of a script; of another one the last line counts', () => {
  expect(
    asked(
      '#FORNAX --in ./a --env A=1 --after one --cores 2',
      '#FORNAX --in ./b --env B=2 --tag t',
      '#FORNAX --after failed:two --tag u --cores 4',
    ),
  ).toEqual({
    in: ['./a', './b'],
    env: [
      { key: 'A', value: '1' },
      { key: 'B', value: '2' },
    ],
    after: [
      { task: 'one', on: 'success' },
      { task: 'two', on: 'failure' },
    ],
    tag: ['t', 'u'],
    cores: 4,
  });
});

it('a line that is wrong is named', () =>
  expect(() => asked('#FORNAX --cores 2', '#FORNAX --cores many')).toThrow(/^s\.sh:3: /));
