import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { hideScript, placeOfScript } from './hidden-script.js';

describe('the script of a shell', () => {
  it.each([
    ['sh -c SCRIPT', 2],
    ['/bin/bash -lc SCRIPT name one', 2],
    ['bash -e -o pipefail -c SCRIPT', 5],
    ['bash -eo pipefail -c SCRIPT', 4],
    ['sh -ec -- SCRIPT', 3],
    ['bash --norc -c SCRIPT', 3],
    ['sh +x -c SCRIPT', 3],
    ['sh file.sh -c SCRIPT', undefined],
    ['sh -c', undefined],
    ['sh', undefined],
    ['python -c SCRIPT', undefined],
  ])('is found in %s', (command, place) => expect(placeOfScript(command.split(' '))).toBe(place));

  it.each([
    ['its words', ['sh', '-c', 'echo "$0 $1 $#"', 'name', 'one two', 'three']],
    ['its quotes', ['sh', '-c', `printf '%s|' 'a  "b"' "c 'd'" e\\ f $((1 + 1)) "\`echo g\`"`]],
    ['lines', ['sh', '-c', 'if true\nthen\n  echo yes # no\nfi\ncat <<END\n$HOME "x"\nEND\n']],
    ['its options', ['sh', '-ec', 'echo one; false; echo two']],
    ['how it ends', ['sh', '-c', 'exit 7']],
    ['what it cannot parse', ['sh', '-c', 'echo "']],
  ] as const)('does the same from its environment: %s', (_, argv) => {
    const run = ([program, ...args]: readonly string[], env: Readonly<Record<string, string>>): unknown => {
      const options = { env: { PATH: process.env['PATH'], HOME: '/home', ...env }, stdio: 'pipe' } as const;
      try {
        return execFileSync(program ?? '', args, options).toString();
      } catch (error) {
        const { status, stdout } = error as { readonly status: number; readonly stdout: Buffer };
        return { status, stdout: stdout.toString() };
      }
    };
    const hidden = hideScript([...argv]);
    expect(hidden.argv).not.toContain(argv[2]);
    expect(run(hidden.argv, hidden.env)).toEqual(run(argv, {}));
  });
});
