import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { commandIn, placeOfScript } from './hidden-script.js';

const SECRET = `s3cret 'value" of $HOME`;
const values = new Map([
  ['QARNOT_SECRET_K', SECRET],
  ['DERIVED', `x${SECRET}y`],
  ['OPEN', 'open'],
]);
const command = (...words: readonly [string, ...string[]]) => commandIn(words, values, [SECRET]);

const run = ([program, ...args]: readonly string[], env: Readonly<Record<string, string>>): unknown => {
  const options = { env: { PATH: process.env['PATH'], HOME: '/home', ...env }, stdio: 'pipe' } as const;
  try {
    return execFileSync(program ?? '', args, options).toString();
  } catch (error) {
    const { status, stdout } = error as { readonly status: number; readonly stdout: Buffer };
    return { status, stdout: stdout.toString() };
  }
};

describe('the script of a shell', () => {
  it.each([
    ['sh -c SCRIPT', 2],
    ['/bin/bash -lc SCRIPT name one', 2],
    ['bash -e -o pipefail -c SCRIPT', 5],
    ['bash -eo pipefail -c SCRIPT', 4],
    ['bash -co pipefail SCRIPT', 3],
    ['bash -O extglob -c SCRIPT', 4],
    ['bash +O extglob -ec SCRIPT', 4],
    ['bash --rcfile /x -c SCRIPT', 4],
    ['bash --init-file -c -c SCRIPT', 4],
    ['sh -ec -- SCRIPT', 3],
    ['sh -c - SCRIPT', 3],
    ['bash --norc -c SCRIPT', 3],
    ['sh +x -c SCRIPT', 3],
    ['env X=1 bash -c SCRIPT', 4],
    ['env SHELL=/bin/bash bash -c SCRIPT', 4],
    ['/usr/bin/env -u Y bash -lc SCRIPT', 5],
    ['nice -n 5 timeout 10 sh -c SCRIPT', 7],
    ['busybox sh -c SCRIPT', 3],
    ['env -i -C / -uA -- X=1 Y=2 sh -c SCRIPT', 10],
    ['nice -5 sh -c SCRIPT', 4],
    ['nice --adjustment=5 ionice -c2 -n 7 sh -c SCRIPT', 8],
    ['chrt -r 10 sh -c SCRIPT', 5],
    ['taskset -c 0,1 sh -c SCRIPT', 5],
    ['taskset 0x3 sh -c SCRIPT', 4],
    ['numactl -N 0 --membind=0 sh -c SCRIPT', 6],
    ['nohup -- setsid -fw sh -c SCRIPT', 6],
    ['stdbuf -oL -e 0 sh -c SCRIPT', 6],
    ['/usr/bin/time -f %e sh -c SCRIPT', 5],
    ['timeout -k 5 --signal KILL --foreground 10 sh -c SCRIPT', 9],
    ['timeout -- 10 sh -c SCRIPT', 5],
    ['xvfb-run -a -s none sh -c SCRIPT', 6],
    ['busybox nice sh -c SCRIPT', 4],
    ['nohup python3 run.py --shell bash -c SCRIPT', 'none'],
    ['env X=1 python3 bash -c SCRIPT', 'none'],
    ['timeout 5 tool sh -c SCRIPT', 'none'],
    ['timeout sh -c SCRIPT', 'none'],
    ['timeout bash sh -c SCRIPT', 4],
    ['env -u bash python3 -c SCRIPT', 'none'],
    ['env', 'none'],
    ['nice -n', 'none'],
    ['nice --new 5 sh -c SCRIPT', 'unknown'],
    ['nice --new 5 tool -c SCRIPT', 'none'],
    ['sh file.sh -c SCRIPT', 'none'],
    ['sh -c', 'none'],
    ['sh', 'none'],
    ['python -c SCRIPT', 'none'],
    ['tool --with bash -c SCRIPT', 'none'],
    ['bash --new-option x -c SCRIPT', 'unknown'],
    ['bash -oc pipefail SCRIPT', 'unknown'],
    ['bash -Z -c SCRIPT', 'unknown'],
    ['zsh --emulate sh -c SCRIPT', 'unknown'],
  ])('is found in %s', (line, place) => expect(placeOfScript(line.split(' '))).toBe(place));

  // A place that holds a secret, so that the script is hidden.
  const mark = ': "${QARNOT_SECRET_K}"';
  it.each([
    ['its words', ['sh', '-c', `echo "$0 $1 $#" # ${mark}`, 'name', 'one two', 'three']],
    ['its quotes', ['sh', '-c', `printf '%s|' 'a  "b"' "c 'd'" e\\ f $((1 + 1)) "\`echo g\`" # ${mark}`]],
    ['lines', ['sh', '-c', `if true\nthen\n  echo yes # no\nfi\ncat <<END\n$HOME "x"\nEND\n# ${mark}`]],
    ['its options', ['sh', '-ec', `echo one; false; echo two # ${mark}`]],
    ['options of bash', ['bash', '-O', 'extglob', '-o', 'pipefail', '-c', `shopt extglob; false | true # ${mark}`]],
    ['how it ends', ['sh', '-c', `exit 7 # ${mark}`]],
    ['what it cannot parse', ['sh', '-c', `echo " # ${mark}`]],
    [
      'behind other programs',
      ['env', 'SHELL=/bin/sh', 'X=1', 'nice', 'sh', '-c', `echo "$X $1" # ${mark}`, 'sh', 'one'],
    ],
    ['a secret in a document', ['sh', '-c', `cat <<"END"\n\${DERIVED}\nEND\n`]],
    [
      'arguments that are secrets',
      ['sh', '-c', 'echo "$#|$0|$1|$2|$3|${10}"', 'n', 'a', '${DERIVED}', '', ...'456789x'],
    ],
  ] as const)('does the same from its environment: %s', (_, [program, ...words]) => {
    const plain = [program, ...words].map((word) =>
      word.replaceAll('${QARNOT_SECRET_K}', SECRET).replaceAll('${DERIVED}', `x${SECRET}y`),
    );
    const hidden = command(program, ...words);
    expect(hidden.argv.join(' ')).not.toContain(SECRET);
    expect(run(hidden.argv, hidden.env)).toEqual(run(plain, {}));
  });

  it('is none that comes to nothing where something took its environment away', () => {
    const { argv, env } = command('env', '-i', '/bin/sh', '-c', `echo \${QARNOT_SECRET_K}`);
    expect(argv.join(' ')).not.toContain(SECRET);
    expect(run(argv, env)).toMatchObject({ status: 2 });
  });

  it('is left to a shell whose words are not understood, with what it refers to', () => {
    const { argv, env } = command('bash', '--debugger', '-c', 'echo "${DERIVED} ${OPEN}"');
    expect(argv).toEqual(['bash', '--debugger', '-c', 'echo "${DERIVED} open"']);
    expect(env).toEqual({ DERIVED: `x${SECRET}y` });
    expect(run(argv, env)).toContain(`x${SECRET}y open`);
  });

  it('has no secret for a name', () =>
    expect(command('sh', '-c', 'echo "$0"', '${QARNOT_SECRET_K}').argv.join(' ')).not.toContain(SECRET));

  it('and no other program is changed: it gets what it was given', () => {
    const given = { argv: ['curl', '-u', `me:${SECRET}`], env: {} };
    expect(command('curl', '-u', 'me:${QARNOT_SECRET_K}')).toEqual(given);
    expect(command('sh', 'file.sh', '${OPEN}')).toEqual({ argv: ['sh', 'file.sh', 'open'], env: {} });
  });
});
