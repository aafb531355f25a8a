import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workspaceRoot } from '@fornax/testing';

/** The page of recovery. */
export const recoverPage = (): string => readFileSync(join(workspaceRoot, 'docs/how-to/recover.md'), 'utf8');

const IS_COMMAND = /^(?:FORNAX_\w+=\S+ )?(?:npx fornax|npm|kill|cp|mv|rm|source|df)\s\S/;

const blocksOf = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^```\w*\n([^]*?)^```$/gm)].map(([, code = '']) => code);

/** Each command of a page once, in its order: lines of its blocks without their comments, and code in its text that begins with a program. */
export const commandsOf = (markdown: string): readonly string[] => {
  const lines = blocksOf(markdown).flatMap((block) => block.split('\n').map((line) => line.replace(/\s+# .*$/, '')));
  const inText = [...markdown.replaceAll(/^```\w*\n[^]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...new Set([...lines, ...inText].map((one) => one.trim()).filter((one) => IS_COMMAND.test(one)))];
};

export interface Ended {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly said: string;
}

/** What stands in a command for something that only the reader knows, and what it is here. */
type Meant = Readonly<Record<string, string>>;

/** Types commands of the page in a terminal, in the folder that holds `.fornax`, and remembers which. */
export class Reader {
  private readonly commands: readonly string[] = commandsOf(recoverPage());
  private readonly done = new Set<string>();

  constructor(private readonly folder: string) {}

  /**
   * Types a command as it stands on the page. `npx` finds programs of this checkout, as it does where the platform was started.
   * @param meant replaces examples and words in angle brackets
   * @throws Error the page has no such command
   */
  async types(command: string, meant: Meant = {}): Promise<Ended> {
    this.does(command);
    const text = Object.entries(meant).reduce((typed, [word, value]) => typed.replaceAll(word, value), command);
    const env = { HOME: this.folder, PATH: `${await this.provideNpx()}:${process.env['PATH'] ?? ''}` };
    return new Promise((resolve) => {
      const child = execFile('bash', ['-c', text], { cwd: this.folder, env }, (_, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, said: stdout + stderr }),
      );
    });
  }

  /** Remembers a command that the test does in another way than by typing it. */
  does(command: string): void {
    if (!this.commands.includes(command)) throw new Error(`docs/how-to/recover.md has no command ${command}`);
    this.done.add(command);
  }

  /** Commands of the page that were not typed. */
  left(): readonly string[] {
    return this.commands.filter((command) => !this.done.has(command));
  }

  private async provideNpx(): Promise<string> {
    const bin = join(this.folder, 'bin');
    await mkdir(bin, { recursive: true });
    const programs = join(workspaceRoot, 'node_modules', '.bin');
    await writeFile(join(bin, 'npx'), `#!/bin/sh\nprogram=$1; shift\nexec '${programs}/'"$program" "$@"\n`);
    await chmod(join(bin, 'npx'), 0o755);
    return bin;
  }
}
