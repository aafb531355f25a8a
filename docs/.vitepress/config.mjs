import { readFileSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { linkPathsOfRepository } from './repository-paths.mjs';

const docs = new URL('../', import.meta.url);
const titleOf = (path) => /^# (.*?)(?: +Status:.*)?$/m.exec(readFileSync(new URL(path, docs), 'utf8'))?.[1] ?? path;

/** The pages of a folder: those named first in their order, then the others by name. */
const pagesOf = (folder, first = []) => {
  const names = readdirSync(new URL(`${folder}/`, docs))
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => name.slice(0, -'.md'.length));
  const ordered = [...first.filter((name) => names.includes(name)), ...names.filter((name) => !first.includes(name))];
  return ordered.map((name) => ({ text: titleOf(`${folder}/${name}.md`), link: `/${folder}/${name}` }));
};

const page = (link) => ({ text: titleOf(`${link.slice(1)}.md`), link });

// Everything that a reader's browser loads is in the built folder: no fonts, icons, counters or search of somebody else.
export default defineConfig({
  title: 'Fornax',
  description: 'How to run tasks on Fornax, and how it works',
  lang: 'en',
  base: '/docs/',
  cleanUrls: true,
  rewrites: { 'guide/README.md': 'guide/index.md', 'adr/README.md': 'adr/index.md' },
  ignoreDeadLinks: false,
  markdown: { html: false, config: linkPathsOfRepository },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [],
    nav: [
      { text: 'Guide', link: '/guide/' },
      { text: 'Operate', link: '/how-to/run-on-one-machine' },
      { text: 'Reference', link: '/reference/settings' },
      { text: 'How it works', link: '/architecture' },
      // Served by the platform beside this site.
      { text: 'API', link: '/api', target: '_self' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          { text: 'Overview', link: '/guide/' },
          ...pagesOf('guide', ['first-task', 'dashboard', 'output', 'clients']),
        ],
      },
      {
        text: 'Operate',
        items: pagesOf('how-to', [
          'run-on-one-machine',
          'run-for-a-team',
          'sign-in-with-openid',
          'add-a-node',
          'recover',
          'audit',
        ]),
      },
      { text: 'Reference', items: [...pagesOf('reference', ['settings']), page('/contract/rest-api')] },
      {
        text: 'How it works',
        items: [
          page('/architecture'),
          { text: 'The tree', link: '/tree' },
          ...pagesOf('explanation'),
          { text: 'Contributing', link: '/contributing' },
          { text: 'Changes', link: '/changes' },
        ],
      },
      { text: 'Decisions', collapsed: true, items: [{ text: 'All', link: '/adr/' }, ...pagesOf('adr')] },
    ],
  },
});
