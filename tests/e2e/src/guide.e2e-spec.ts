import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
/** Whatever an example waits for has come by then, also on a busy machine. */
const LONGEST_MS = 180_000;

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

  it('is a site on the platform, whole and with nothing from elsewhere', async () => {
    await promisify(execFile)(process.execPath, [join(workspaceRoot, 'docs/build.mjs')], { cwd: workspaceRoot });
    const get = (path: string) => fetch(new URL(path, platform?.apiUrl));
    const home = await get('/docs');
    expect([home.status, new URL(home.url).pathname]).toEqual([200, '/docs/']);

    const page = await get('/docs/guide/first-task');
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(html).toContain('<h1 id="a-first-task"');
    // Each script inside the page is allowed by its hash, and nothing else that stands in one.
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    const inside = [...html.matchAll(/<script(?![^>]*\b(?:src|type)=)[^>]*>([^]*?)<\/script>/g)].map(
      ([, text = '']) => text,
    );
    expect(inside.length).toBeGreaterThan(0);
    for (const text of inside)
      expect(policy).toContain(`'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    expect(html).not.toMatch(/ on[a-z]+="/);
    const parts = [...html.matchAll(/<(?:script|link)\b[^>]*\b(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.filter((path) => !path.startsWith('/docs/'))).toEqual([]);
    for (const part of parts) expect([part, (await get(part)).status]).toEqual([part, 200]);

    // The search works on an index that is a file of the site.
    const manifest: unknown = JSON.parse(readFileSync(join(workspaceRoot, 'docs/dist/site.json'), 'utf8'));
    const files = (manifest as { readonly files: readonly string[] }).files;
    const index = files.find((name) => /@localSearchIndexroot\.[^/]+\.js$/.test(name)) ?? 'no search index';
    const found = await get(`/docs/${index}`);
    expect(found.status).toBe(200);
    expect(await found.text()).toContain('/docs/guide/first-task');

    // Who is woken up finds what to do: each alert names a section of a page of the site.
    const runbooks = readFileSync(join(workspaceRoot, 'infra/prometheus/fornax.rules.yml'), 'utf8').matchAll(
      /runbook: docs\/(\S+)\.md#(\S+)/g,
    );
    const sections = [...runbooks];
    expect(sections.length).toBeGreaterThan(10);
    for (const [, path = '', section = ''] of sections)
      expect(await (await get(`/docs/${path}`)).text()).toContain(` id="${section}"`);

    const api = await get('/docs/api');
    expect(await api.text()).toContain('href="/docs/"');
    expect(html).toContain('href="/docs/api"');
  });

  it('and the other pages name routes that the API document has', async () => {
    const { paths } = (await (await fetch(new URL('/openapi.json', platform?.apiUrl))).json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const isSame = (path: string, asked: readonly string[]): boolean => {
      const parts = path.split('/');
      return (
        parts.length === asked.length &&
        parts.every((part, at) => part.startsWith('{') || part === asked[at] || asked[at] === '*')
      );
    };
    const listed = execFileSync('git', ['ls-files', '-z', '--', '*.md'], { cwd: workspaceRoot, encoding: 'utf8' });
    const named = listed
      .split('\0')
      .filter((page) => page !== '' && !/^(CHANGELOG|docs\/(adr|contract)\/)/.test(page))
      .flatMap((page) =>
        [...readFileSync(join(workspaceRoot, page), 'utf8').matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^`…]*)`/g)].map(
          ([, method = '', path = '']) => ({ page, method: method.toLowerCase(), path: path.split('?', 1)[0] ?? '' }),
        ),
      );
    expect(named.length).toBeGreaterThan(30);
    const unknown = named.filter(({ method, path }) => {
      const asked = path.replaceAll(/\{[^}]*\}|<[^>]*>/g, '*').split('/');
      return !Object.entries(paths).some(([known, methods]) => method in methods && isSame(known, asked));
    });
    expect(unknown.map(({ page, method, path }) => `${page}: ${method} ${path}`)).toEqual([]);
  });
});
