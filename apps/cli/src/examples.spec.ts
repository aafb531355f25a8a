import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { cannedPlatform } from './canned-platform.fixture.js';
import { unusedIo } from './unused-io.fixture.js';
import { buildProgram } from './program.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'fornax-examples-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const leavesOf = (command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] =>
  command.commands.length === 0
    ? [[path.join(' '), command]]
    : command.commands.flatMap((child) => leavesOf(child, [...path, child.name()]));

/** What a command says at the end of its help, too. */
const helpOf = (command: Command): string => {
  let text = '';
  command.configureOutput({ writeOut: (more) => (text += more) });
  command.outputHelp();
  return text;
};

/** Words as bash takes them; what goes to files goes into a folder of this test. */
const wordsOf = (line: string): readonly string[] => {
  const script = `set -f; fornax() { printf '%s\\0' "$@" >&3; }; { ${line}; } 3>&1 >/dev/null`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder }).split('\0').slice(0, -1);
};

const examplesIn = (help: string): readonly string[] =>
  help.split('\n').flatMap((line) => (/^ {2}fornax \S/.test(line) ? [line.trim()] : []));

describe('the help of every command', () => {
  it('has an example that the command takes', async () => {
    const wrong: string[] = [];
    for (const [path, command] of leavesOf(await buildProgram(unusedIo))) {
      const examples = examplesIn(helpOf(command)).filter((line) => `${line} `.startsWith(`fornax ${path} `));
      if (examples.length === 0) wrong.push(`${path}: no example`);
      for (const example of examples) {
        const program = await buildProgram(unusedIo, path.split(' '));
        let ran = '';
        for (const [name, leaf] of leavesOf(program)) {
          leaf.action(() => void (ran = name));
          for (let one: Command | null = leaf; one; one = one.parent)
            one.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
        }
        await program.parseAsync([...wordsOf(example)], { from: 'user' }).catch((error: unknown) => {
          wrong.push(`${example}: ${String(error)}`);
        });
        if (ran !== path) wrong.push(`${example}: ran ${ran}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('completion', () => {
  const platform = cannedPlatform({ answers: {} });
  const { fornax } = platform;
  beforeAll(platform.start);
  afterAll(platform.stop);

  it.each([
    [['ta'], ['task']],
    [
      ['task', 're'],
      ['refresh', 'retry', 'resume', 'recover', 'results'],
    ],
    [['task', 'list', '--ow'], ['--owner']],
    [
      ['task', 'list', '--output', ''],
      ['table', 'json', 'yaml', 'csv'],
    ],
    [['bucket', 'grant', 'b', 'r'], ['read']],
    [['cp', './'], []],
  ])('of %j is %j', async (words, found) => {
    const { code, stdout } = await fornax('__complete', ...words);
    expect({
      code,
      found: stdout
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
    }).toEqual({ code: 0, found: [...found].sort() });
  });

  it('has scripts for bash, zsh and fish, of which bash takes its one', async () => {
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await fornax('completion', shell)).stdout).toContain('fornax __complete');
    const { stdout } = await fornax('completion', 'bash');
    const script = `fornax() { printf 'task\\ntoken\\n'; }; ${stdout}\nCOMP_WORDS=(fornax t); COMP_CWORD=1; _fornax; echo "\${COMPREPLY[*]}"`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split(/\s+/).slice(0, 2)).toEqual([
      'task',
      'token',
    ]);
  });
});
