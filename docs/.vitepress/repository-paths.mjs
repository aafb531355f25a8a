import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const decisions = readdirSync(`${root}docs/adr`).filter((name) => /^\d{4}-.*\.md$/.test(name));

/** Pages of the site that are made from files outside `docs/`. */
const FROM_ROOT = new Map([
  ['ARCHITECTURE.md', '/tree'],
  ['CHANGELOG.md', '/changes'],
  ['CONTRIBUTING.md', '/contributing'],
  ['README.md', '/'],
]);

/** The page of the site that shows a file of the repository, if one does. `docs/adr/0026` stands for the decision with that number. */
const pageOf = (path) => {
  const own = FROM_ROOT.get(path);
  if (own !== undefined) return own;
  const decision = /^docs\/adr\/(\d{4})$/.exec(path)?.[1];
  if (decision !== undefined) {
    const file = decisions.find((name) => name.startsWith(decision));
    return file === undefined ? undefined : `/adr/${file.slice(0, -'.md'.length)}`;
  }
  if (path === 'docs/adr' || path === 'docs/guide') return `${path.slice('docs'.length)}/`;
  if (path.startsWith('docs/') && path.endsWith('.md') && existsSync(`${root}${path}`))
    return path.slice('docs'.length, -'.md'.length);
  return undefined;
};

/** Where a link of a page leads on the site, if that is not where it leads in the repository. */
const targetOf = (href) => {
  const folder = /^(?:\.{1,2}\/)*(adr|guide)\/README\.md$/.exec(href)?.[1];
  return folder === undefined ? FROM_ROOT.get(/^(?:\.\.\/)+([A-Z]+\.md)$/.exec(href)?.[1]) : `/${folder}/`;
};

/**
 * Makes links of the paths that pages name in code spans, such as `docs/how-to/recover.md`, and leads links to files at the root of the
 * repository, and to the first page of a folder, to their page of the site. So the check of dead links sees them, too.
 */
export const linkPathsOfRepository = (md) => {
  md.core.ruler.push('paths-of-repository', (state) => {
    for (const block of state.tokens) {
      if (block.type !== 'inline') continue;
      let depth = 0;
      block.children = block.children.flatMap((token) => {
        if (token.type === 'link_open') {
          depth += 1;
          const target = targetOf(token.attrGet('href') ?? '');
          if (target !== undefined) token.attrSet('href', target);
        }
        if (token.type === 'link_close') depth -= 1;
        const target = token.type === 'code_inline' && depth === 0 ? pageOf(token.content) : undefined;
        if (target === undefined) return [token];
        const open = new state.Token('link_open', 'a', 1);
        open.attrSet('href', target);
        return [open, token, new state.Token('link_close', 'a', -1)];
      });
    }
  });
};
