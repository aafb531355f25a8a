import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  providePythonSdk,
  startPlatform,
  toolsDir,
  workspaceRoot,
  type PythonSdk,
  type RunningPlatform,
} from '@fornax/testing';
import { examplesOf, isAsShown } from './guide/page.js';
import { runPage } from './guide/run-page.js';

const guide = join(workspaceRoot, 'docs', 'guide');
const pages = readdirSync(guide).filter((name) => name.endsWith('.md') && name !== 'README.md');
const LONGEST_MS = 60_000;

describe('the guide', () => {
  let platform: RunningPlatform | undefined;
  let sdk: PythonSdk;

  beforeAll(async () => {
    sdk = await providePythonSdk(toolsDir());
    // The page on webhooks has its receiver on this machine.
    platform = await startPlatform({ env: { FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*' } });
  });

  afterAll(async () => {
    await platform?.stop();
  });

  it.each(pages)('does what %s says', async (page) => {
    const examples = examplesOf(readFileSync(join(guide, page), 'utf8'));
    expect(examples.length).toBeGreaterThan(0);
    if ('missing' in sdk) {
      // The check for continuous integration (tools/test.mjs) looks for this line and fails on it there.
      console.warn(`SKIPPED-PYTHON-SDK: ${sdk.missing}`);
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), 'fornax-guide-'));
    try {
      const outputs = await runPage(examples, {
        folder,
        env: platform?.clientEnv ?? {},
        programs: {
          fornax: [process.execPath, join(workspaceRoot, 'apps/cli/bin/fornax.mjs')],
          python: [sdk.python],
        },
        timeoutMs: LONGEST_MS,
      });
      examples.forEach(({ expected, line }, at) => {
        const printed = outputs[at] ?? '';
        if (expected !== undefined && !isAsShown(printed, expected))
          throw new Error(`${page}, line ${line}: printed\n${printed}\nbut the page shows\n${expected}`);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('leads to each of its pages from its index', () => {
    const index = readFileSync(join(guide, 'README.md'), 'utf8');
    expect(pages.filter((page) => !index.includes(`](${page})`))).toEqual([]);
  });
});
