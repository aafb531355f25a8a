import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { arrayOf, memoryOf, secondsOf } from './limits.js';
import { directivesIn, quotedWord, shellSyntaxIn } from './script.js';

describe('directives of a script', () => {
  it('stand at its head, with words as in a shell', () =>
    expect(
      directivesIn(
        `#!/bin/bash\n#FORNAX --array 0-9%2 --cores 4\n# about it\n\n#FORNAX --name 'two words' --env "A=it's"  # why\necho\n#FORNAX --late\n`,
        's.sh',
      ),
    ).toEqual([
      { line: 2, words: ['--array', '0-9%2', '--cores', '4'] },
      { line: 5, words: ['--name', 'two words', '--env', "A=it's"] },
    ]));

  it('are none in a script without them', () => {
    expect(directivesIn('', 's')).toEqual([]);
    expect(directivesIn('echo #FORNAX --no\n', 's')).toEqual([]);
  });

  it('name the line of a quotation mark that is left open', () =>
    expect(() => directivesIn(`#!/bin/sh\n#FORNAX --name 'x\n`, 's.sh')).toThrow('s.sh:2: a quotation mark'));
});

it.each([
  ['0-199', { ranges: '0-199' }],
  ['0-199%20', { ranges: '0-199', maxParallel: 20 }],
  ['7', { ranges: '7' }],
  ['1,3,10-20:5%2', { ranges: '1,3,10,15,20', maxParallel: 2 }],
])('the array %s', (text, wanted) => expect(arrayOf(text)).toEqual(wanted));

it.each(['', '5-1', '1-2:0', '%3', '0-3%0', 'a', '1;2', '-3', '1-2%'])('is no array: %j', (text) =>
  expect(() => arrayOf(text)).toThrow(InvalidArgumentError),
);

it.each([
  ['4G', 4_096],
  ['512', 512],
  ['512M', 512],
  ['1.5g', 1_536],
  ['2GiB', 2_048],
  ['1K', 1],
])('memory %s is %s MB', (text, megabytes) => expect(memoryOf(text)).toBe(megabytes));

it.each([
  ['90s', 90],
  ['30m', 1_800],
  ['2h', 7_200],
  ['1d', 86_400],
  ['2:00:00', 7_200],
  ['1-12:00:00', 129_600],
])('the time %s is %s seconds', (text, seconds) => expect(secondsOf(text)).toBe(seconds));

it.each(['', '0', '10', '4X', '-1G'])('what is neither memory nor time is refused: %j', (text) => {
  expect(() => secondsOf(text)).toThrow(InvalidArgumentError);
  if (text !== '10') expect(() => memoryOf(text)).toThrow(InvalidArgumentError);
});

it.each([
  ['echo hi > out.txt', '>'],
  ['a && b', '&&'],
  ['cat x | wc', '|'],
  ['echo $HOME', '$HOME'],
  ['echo $(date)', '$('],
  ['a; b', ';'],
])('a shell is wanted by %s', (command, what) => expect(shellSyntaxIn(command)).toBe(what));

it.each(["sh -c 'echo hi > out.txt'", 'echo ${INSTANCE_ID}', 'render "a > b"', 'echo a\\;b', './run.sh --x=1'])(
  'no shell is wanted by %s',
  (command) => expect(shellSyntaxIn(command)).toBeUndefined(),
);

it.each([
  ['plain-1.txt', 'plain-1.txt'],
  ['', "''"],
  ["it's", `'it'\\''s'`],
  ['a b', "'a b'"],
])('a word %j is quoted as %s', (word, quoted) => expect(quotedWord(word)).toBe(quoted));
