import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const root = new URL('../../../', import.meta.url).pathname;

type Probe = readonly [file: string, text: string];

/** Lints texts as if they stood in those files and prints the rule ids of each; in a process of its own, since plugins expect plain Node. */
const LINT = `
  import { ESLint } from 'eslint';
  const eslint = new ESLint();
  const found = [];
  for (const [filePath, text] of JSON.parse(process.argv[1])) {
    const [result] = await eslint.lintText(text, { filePath });
    found.push(result.messages.map(({ ruleId }) => ruleId));
  }
  console.log(JSON.stringify(found));
`;
const complaintsAbout = async (probes: readonly Probe[]): Promise<readonly (readonly string[])[]> => {
  // In a single run (which it assumes in CI) the parser reads the file from disk instead of the text.
  const env = { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '', TSESTREE_SINGLE_RUN: 'false' };
  const args = ['--input-type=module', '-e', LINT, JSON.stringify(probes)];
  const { stdout } = await run(process.execPath, args, { cwd: root, env });
  return JSON.parse(stdout) as readonly (readonly string[])[];
};

/** It makes the graph of all projects. */
const LINT_MS = 240_000;
const BOUNDARY = '@nx/enforce-module-boundaries';

const using = (name: string, from: string): string =>
  `import { ${name} } from '${from}';\nexport const probe = ${name};\n`;

const IMPURE =
  "import { readFileSync } from 'node:fs';\nexport const probe = (): unknown => [readFileSync, Date.now(), Math.random(), process.pid];\n";

/** What, the file it would stand in, what it would import. */
const FORBIDDEN: readonly (readonly [string, string, string])[] = [
  ['one service from another', 'libs/services/billing/src/index.ts', using('SubmissionModule', '@fornax/submission')],
  [
    'a feature from one it may not know',
    'libs/services/submission/tasks/src/index.ts',
    using('NotifyModule', '@fornax/notify'),
  ],
  ['base from Nest', 'libs/base/src/index.ts', using('Module', '@nestjs/common')],
  ['base from a library of the platform', 'libs/base/src/index.ts', using('InMemoryLog', '@fornax/event-store')],
  ['identity from service-kit', 'libs/identity/src/index.ts', using('createApp', '@fornax/service-kit')],
  ["the node agent from the services' glue", 'apps/node-agent/src/main.ts', using('createApp', '@fornax/service-kit')],
  ['the node agent from accounts', 'apps/node-agent/src/main.ts', using('AuthGuard', '@fornax/identity')],
  ['a process from a service it does not host', 'apps/billing/src/main.ts', using('StorageModule', '@fornax/storage')],
  ['the command line from what is behind the API', 'apps/cli/src/main.ts', using('RPC', '@fornax/contracts')],
];
const ALLOWED: readonly (readonly [string, string, string])[] = [
  ['the node agent import base', 'apps/node-agent/src/main.ts', using('delay', '@fornax/base')],
  ['a process import its service', 'apps/billing/src/main.ts', using('BillingModule', '@fornax/billing')],
];

describe('the layer rules', () => {
  let domain: readonly string[];
  const rulesByCase = new Map<string, readonly string[]>();
  beforeAll(async () => {
    const cases = [...FORBIDDEN, ...ALLOWED];
    const [first, ...rest] = await complaintsAbout([
      ['libs/domain/src/index.ts', IMPURE],
      ...cases.map(([, file, text]): Probe => [file, text]),
    ]);
    domain = first ?? [];
    cases.forEach(([what], at) => rulesByCase.set(what, rest[at] ?? []));
  }, LINT_MS);

  it('keep I/O, clocks and randomness out of the domain', () => {
    expect(domain).toContain('no-restricted-imports');
    expect(domain.filter((rule) => rule === 'no-restricted-properties')).toHaveLength(2);
    expect(domain).toContain('no-restricted-globals');
  });

  it.each(FORBIDDEN)('keep %s', (what) => expect(rulesByCase.get(what)).toContain(BOUNDARY));

  it.each(ALLOWED)('let %s', (what) => expect(rulesByCase.get(what)).not.toContain(BOUNDARY));
});
