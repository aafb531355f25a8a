import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const root = new URL('../../../', import.meta.url).pathname;

/** Lints a text as if it stood in that file and prints the rule ids; in a process of its own, since plugins expect plain Node. */
const LINT = `
  import { ESLint } from 'eslint';
  const [filePath, text] = process.argv.slice(1);
  const [result] = await new ESLint().lintText(text, { filePath });
  console.log(JSON.stringify(result.messages.map(({ ruleId }) => ruleId)));
`;
const complaintsAbout = async (file: string, text: string): Promise<readonly string[]> => {
  // In a single run (which it assumes in CI) the parser reads the file from disk instead of the text.
  const env = { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '', TSESTREE_SINGLE_RUN: 'false' };
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', LINT, file, text], { cwd: root, env });
  return JSON.parse(stdout) as readonly string[];
};

/** The first of them makes the graph of all projects. */
const LINT_MS = 240_000;

describe('the layer rules', () => {
  it(
    'keep I/O, clocks and randomness out of the domain',
    async () => {
      const text =
        "import { readFileSync } from 'node:fs';\nexport const probe = (): unknown => [readFileSync, Date.now(), Math.random(), process.pid];\n";
      const rules = await complaintsAbout('libs/domain/src/index.ts', text);
      expect(rules).toContain('no-restricted-imports');
      expect(rules.filter((rule) => rule === 'no-restricted-properties')).toHaveLength(2);
      expect(rules).toContain('no-restricted-globals');
    },
    LINT_MS,
  );

  it(
    'keep one service from importing another',
    async () => {
      const text = "import { SubmissionModule } from '@fornax/submission';\nexport const probe = SubmissionModule;\n";
      expect(await complaintsAbout('libs/services/billing/src/index.ts', text)).toContain(
        '@nx/enforce-module-boundaries',
      );
    },
    LINT_MS,
  );

  it(
    'keep a feature from importing one that it may not know',
    async () => {
      const text = "import { NotifyModule } from '@fornax/notify';\nexport const probe = NotifyModule;\n";
      expect(await complaintsAbout('libs/services/submission/tasks/src/index.ts', text)).toContain(
        '@nx/enforce-module-boundaries',
      );
    },
    LINT_MS,
  );
});
