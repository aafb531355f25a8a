/**
 * Builds the site into `dist`, unless what is there was built from the same sources. Beside the pages stands what the platform serves of them
 * (`site.json`): the names of all files, and the hashes of the small scripts that VitePress writes into its pages, so that exactly these are
 * allowed. The folder is swapped at the end, so it is never half a site.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneAtATime } from '../tools/bootstrap.mjs';
import { deadLinks } from './dead-links.mjs';
import { filesOf } from '../tools/files-of.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');
/** What pages lead to that is no page itself. */
const BESIDE_PAGES = [
  'reference/asyncapi.json',
  'reference/job.schema.json',
  'reference/price-list.schema.json',
  'reference/profile.schema.json',
];
const temporary = join(root, '.vitepress');

const isMade = (name) => /^(dist|node_modules|\.vitepress\/(cache|\.temp|made-[^/]*))\//.test(name);

/** A digest of all that the site is made from. */
const sourcesDigest = () => {
  const hash = createHash('sha256');
  const pages = filesOf(root).filter((name) => !isMade(name));
  const around = [
    '../ARCHITECTURE.md',
    '../CHANGELOG.md',
    '../CONTRIBUTING.md',
    '../node_modules/vitepress/package.json',
  ];
  for (const name of [...pages, ...around]) hash.update(`${name}\0`).update(readFileSync(join(root, name)));
  return hash.digest('hex');
};

const builtFrom = () => {
  try {
    return JSON.parse(readFileSync(join(dist, 'site.json'), 'utf8')).sources;
  } catch {
    return undefined;
  }
};

/** A script without `src` and `type` is one that runs where it stands. */
const scriptHashesOf = (page) =>
  [...page.matchAll(/<script(?:\s+id="[^"]*")?>([\s\S]*?)<\/script>/g)].map(
    ([, script]) => `sha256-${createHash('sha256').update(script).digest('base64')}`,
  );

const buildSite = async (sources) => {
  for (const name of readdirSync(temporary).filter((entry) => entry.startsWith('made-')))
    rmSync(join(temporary, name), { recursive: true, force: true });
  const made = mkdtempSync(join(temporary, 'made-'));
  try {
    const { build } = await import('vitepress');
    await build(root, { outDir: made });
    for (const name of BESIDE_PAGES) cpSync(join(root, name), join(made, name));
    const files = filesOf(made);
    const pages = files
      .filter((name) => name.endsWith('.html'))
      .map((name) => ({ name, html: readFileSync(join(made, name), 'utf8') }));
    const dead = deadLinks(pages, files);
    if (dead.length > 0) throw new Error(`These links of the documentation lead nowhere:\n  ${dead.join('\n  ')}`);
    const scripts = [...new Set(pages.flatMap(({ html }) => scriptHashesOf(html)))].sort();
    writeFileSync(join(made, 'site.json'), `${JSON.stringify({ sources, scripts, files }, undefined, 1)}\n`);
    // What a platform serves is missing for no longer than two renames take.
    const former = join(temporary, 'made-former');
    if (existsSync(dist)) renameSync(dist, former);
    renameSync(made, dist);
    rmSync(former, { recursive: true, force: true });
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
};

// A lock of its own, because VitePress keeps its temporary files in one place: a build takes up to a minute beside a starting platform, and nothing that
// starts, installs or tests waits for it.
await oneAtATime(
  async () => {
    const sources = sourcesDigest();
    if (builtFrom() === sources) console.log('The documentation is built already.');
    else await buildSite(sources);
  },
  (line) => console.error(line),
  { name: 'documentation', what: 'builds the documentation' },
);
