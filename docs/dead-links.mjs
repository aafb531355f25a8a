/** Served by the platform beside the site. */
const BESIDE_SITE = new Set(['/docs/api']);

const addressOf = (name) => `/docs/${name.replace(/(^|\/)index\.html$/, '$1').replace(/\.html$/, '')}`;

const linksOf = (html) =>
  [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, link]) => link.replaceAll('&amp;', '&'));

/**
 * Finds the links within the site that lead to none of its files, or to a heading that its page does not have. VitePress looks at the pages as they are written, before
 * they are moved (`rewrites`), and at links to pages alone.
 * @param {{ name: string, html: string }[]} pages as they are built
 * @param {string[]} files all names of the site
 * @returns {string[]} `page: link` for each
 */
export const deadLinks = (pages, files) => {
  const known = new Set([...files.map((name) => `/docs/${name}`), ...pages.map(({ name }) => addressOf(name))]);
  const headings = new Map(
    pages.map(({ name, html }) => [
      addressOf(name),
      new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id)),
    ]),
  );
  return pages.flatMap(({ name, html }) =>
    linksOf(html)
      .filter((link) => {
        const { host, pathname, hash } = new URL(link, `http://site${addressOf(name)}`);
        if (host !== 'site' || !pathname.startsWith('/docs/') || BESIDE_SITE.has(pathname)) return false;
        if (!known.has(pathname)) return true;
        return hash !== '' && headings.get(pathname)?.has(decodeURIComponent(hash.slice(1))) === false;
      })
      .map((link) => `${name}: ${link}`),
  );
};
