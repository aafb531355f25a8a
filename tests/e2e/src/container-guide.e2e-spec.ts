import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startPlatform, workspaceRoot } from '@fornax/testing';
import { testEngineHere } from '@fornax/testing/engine';
import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { pushImage, startTestRegistry } from '@fornax/testing/registry';
import { expect, it } from '@jest/globals';

import { examplesOf, isAsShown } from './guide/page.js';
import { runPage } from './guide/run-page.js';

const LONGEST_MS = 120_000;

/** What the page says of engines: how the platform is started there, and what is typed then, which the page's own test leaves out. */
const partOfPage = () => {
  const page = readFileSync(join(workspaceRoot, 'docs/guide/images.md'), 'utf8');
  const part = page.slice(page.indexOf('## With a container engine')).split('\n## ')[0] ?? '';
  const settings = / {4}(.*) npm start$/m.exec(part)?.[1] ?? '';
  const env: Record<string, string> = Object.fromEntries(settings.split(' ').map((word) => word.split('=')));
  return { env, examples: examplesOf(part.replaceAll('```sh\n', '```bash\n')) };
};

it(
  'the guide’s example of a node with a container engine does what the page says',
  async () => {
    const { env, examples } = partOfPage();
    expect(env).toMatchObject({ FORNAX_NODE_SANDBOX: 'container', FORNAX_NODE_ENGINE: expect.any(String) });
    expect(examples.map(({ expected }) => expected)).toEqual([expect.any(String)]);
    const registry = await startTestRegistry();
    const engine = await testEngineHere([registry.url]);
    const folder = await mkdtemp(join(tmpdir(), 'fornax-guide-'));
    const platform =
      engine &&
      (await startPlatform({
        env: { ...env, FORNAX_NODE_ENGINE: engine.socket, FORNAX_NODE_IMAGE_REGISTRIES: registry.url },
      }));
    try {
      // Without an engine that was said (NOT-TRIED-ON-AN-ENGINE).
      if (!platform) return;
      // In the place of Debian's: a shell, and its users.
      const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n';
      const own = (await busyboxEntries('guide')).map(
        ([header, content]) => [{ ...header, mode: 0o755 }, content ?? ''] as const,
      );
      const layer = await layerOf([
        ...own,
        [{ name: 'etc', type: 'directory', mode: 0o755 }],
        [{ name: 'etc/passwd', mode: 0o644 }, passwd],
      ]);
      await pushImage(registry, { repository: 'library/debian', tag: '12' }, [layer], { Env: ['PATH=/bin'] });
      const outputs = await runPage(examples, {
        folder,
        env: platform.clientEnv,
        programs: { fornax: [process.execPath, join(workspaceRoot, 'apps/cli/bin/fornax.mjs')] },
        timeoutMs: LONGEST_MS,
      });
      examples.forEach(({ expected = '' }, at) => {
        expect([outputs[at], isAsShown(outputs[at] ?? '', expected)]).toEqual([outputs[at], true]);
      });
    } finally {
      await platform?.stop();
      await engine?.stop();
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
  2 * LONGEST_MS,
);
