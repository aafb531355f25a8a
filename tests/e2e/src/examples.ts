import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { join } from 'node:path';
import { workspaceRoot } from '@fornax/testing';

const PROGRAM = join(workspaceRoot, 'apps/cli/bin/fornax.mjs');
const AT_A_TIME = 4;

/** An example as the help of a command shows it. */
export interface Example {
  /** `task list` */
  readonly command: string;
  /** `fornax task list --state failure --since 1d` */
  readonly line: string;
}

const helpOf = async (path: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [PROGRAM, ...path, '--help'])).stdout;

/** Commands that a help lists below itself; none of one that does something. */
const childrenIn = (help: string): readonly string[] => {
  const [, below = ''] = /^Commands:\n((?: {2}.*\n?)+)/m.exec(help) ?? [];
  return [...below.matchAll(/^ {2}([a-z-]+)/gm)].flatMap(([, name = '']) => (name === 'help' ? [] : [name]));
};

/** Every example of a command and of all below it, as their help shows them. */
const below = async (path: readonly string[]): Promise<readonly Example[]> => {
  const help = await helpOf(path);
  const children = childrenIn(help);
  if (children.length > 0) {
    const found: Example[] = [];
    for (let at = 0; at < children.length; at += AT_A_TIME) {
      const some = children.slice(at, at + AT_A_TIME);
      found.push(...(await Promise.all(some.map((name) => below([...path, name])))).flat());
    }
    return found;
  }
  const command = path.join(' ');
  return help
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => `${line} `.startsWith(`fornax ${command} `))
    .map((line) => ({ command, line }));
};

/** Every example that the command line shows. */
export const allExamples = (): Promise<readonly Example[]> => below([]);
