import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

const read = (path: string): string => readFileSync(join(workspaceRoot, path), 'utf8');
const tracked = (...patterns: readonly string[]): readonly string[] =>
  execFileSync('git', ['ls-files', '-z', '--', ...patterns], { cwd: workspaceRoot, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '');

/** Pages that tell of this platform; the contract's are of the API that it follows, ADRs of their day. */
const isOurs = (path: string): boolean => !/^docs\/(contract|adr)\//.test(path) && path !== 'CHANGELOG.md';
const pages = tracked('*.md').filter(isOurs);

/** Strings in the argument of a decorator: one, a list of them, or a constant of the file that holds them. */
const wordsIn = (argument: string, text: string): readonly string[] => {
  const constant = /^[A-Z_]+$/.test(argument) ? new RegExp(`const ${argument} = ([^;]*);`).exec(text)?.[1] : undefined;
  const words = [...(constant ?? argument).matchAll(/'([^']*)'/g)].map(([, word = '']) => word);
  return words.length === 0 ? [''] : words;
};
const METHODS = ['Get', 'Post', 'Put', 'Patch', 'Delete', 'All'];
/** `Makes` is a POST of its first word. */
const ROUTE = new RegExp(String.raw`@(Controller|Makes|${METHODS.join('|')})\(([^)]*)\)`, 'g');

/** Routes that controllers declare, and those that are served beside Nest, as expressions over `METHOD /path`. */
const routes = (): readonly RegExp[] => {
  const found: string[] = [];
  for (const path of tracked('libs/**/*.ts').filter((name) => !/\.(spec|int-spec|fixture)\.ts$/.test(name))) {
    const text = read(path);
    for (const [, method = '', url = ''] of text.matchAll(/fastify\.(get|post|put|delete)\('(\/[^']*)'/g))
      found.push(`${method.toUpperCase()} ${url}`);
    for (const [, url = ''] of text.matchAll(/^ {2}'(\/[^']*)': get\(/gm)) found.push(`GET ${url}`);
    let prefixes: readonly string[] = [];
    for (const [, name = '', argument = ''] of text.matchAll(ROUTE)) {
      if (name === 'Controller') prefixes = wordsIn(argument, text);
      else if (name === 'Makes')
        found.push(...prefixes.map((prefix) => `POST /${prefix}/${wordsIn(argument, text)[0] ?? ''}`));
      else
        for (const prefix of prefixes)
          for (const rest of wordsIn(argument, text))
            found.push(`${name === 'All' ? '*' : name.toUpperCase()} /${[prefix, rest].filter(Boolean).join('/')}`);
    }
  }
  return found.map((route) => {
    const source = route
      .replace(/^\* /, '[A-Z]+ ')
      .replaceAll(/:[A-Za-z]+/g, '[^/]+')
      .replaceAll(/\/\*$/g, '/.*');
    return new RegExp(`^${source}$`);
  });
};

/** What a page names: `GET /tasks/{id}`; what is cut short by dots says nothing. */
const named = (text: string): readonly string[] =>
  [...text.matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/(?:\{[^}`]*\}|[^` ?{])*)[^`]*`/g)]
    .map(([, method = '', path = '']) => `${method} ${path === '/' ? path : path.replace(/\/$/, '')}`)
    .filter((route) => !/[…*]|\.\.\./.test(route));

describe('what pages say that the platform answers', () => {
  const known = routes();

  it('is a route that there is', () => {
    expect(known.length).toBeGreaterThan(100);
    const mentioned = pages.flatMap((path) => named(read(path)).map((route) => ({ path, route })));
    expect(mentioned.length).toBeGreaterThan(20);
    const missing = mentioned.filter(({ route }) => !known.some((pattern) => pattern.test(route)));
    expect(missing.map(({ path, route }) => `${path}: ${route}`)).toEqual([]);
  });
});

describe('what pages say of settings', () => {
  it('is of settings that some program reads', () => {
    const sources = tracked(
      'libs/**/*.ts',
      'apps/**/*.ts',
      'tools/*.mjs',
      'tests/**/*.ts',
      'tests/**/*.mjs',
      'infra/**',
      '.ci/*',
    )
      .map(read)
      .join('\n');
    const missing = pages.flatMap((path) =>
      [...new Set([...read(path).matchAll(/\bFORNAX_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?!_)/g)].map(([name]) => name))]
        .filter((name) => !new RegExp(String.raw`\b${name}\b`).test(sources))
        .map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
