import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isRead, READING_POSTS } from './is-read.ts';

/** The POST operations of the document of the API that the dashboard asks for: the types are made of it, and a test compares them. */
const postsOf = (schema: string): readonly string[] =>
  schema
    .split(/^ {4}"/m)
    .slice(1)
    .flatMap((text) => (/^ {8}post: (?!never)/m.test(text) ? [text.slice(0, text.indexOf('"'))] : []));

const sourceOf = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** As the guard of the platform says which POST it takes from who only reads. */
const READ_ROUTE = new RegExp(
  /^const READ_ROUTE = \/(.+)\/i;$/m.exec(sourceOf('../../../../libs/identity/src/http/auth.guard.ts'))?.[1] ?? 'gone',
  'i',
);

const asked = (path: string): string => `http://platform.example${path.replaceAll(/\{\w+\}/g, 'a-1')}`;

describe('what is asked for with POST', () => {
  const posts = postsOf(sourceOf('schema.d.ts'));

  it('is a read where the platform takes it from who only reads, and nowhere else', () => {
    expect(posts.length).toBeGreaterThan(20);
    const reads = posts.filter((path) => READ_ROUTE.test(path));
    expect([...READING_POSTS].sort()).toEqual(reads.sort());
    for (const path of posts)
      expect([path, isRead({ method: 'POST', url: asked(path) })]).toEqual([path, READ_ROUTE.test(path)]);
  });

  it('is none by what somebody else put in', () => {
    for (const path of ['/tasks/x/paginate', '/tasks/paginate/x', '/buckets/tasks/paginate'])
      expect(isRead({ method: 'POST', url: asked(path) })).toBe(false);
    expect(isRead({ method: 'DELETE', url: asked('/tasks/paginate') })).toBe(false);
    expect(isRead({ method: 'GET', url: asked('/tasks/paginate') })).toBe(true);
  });
});
