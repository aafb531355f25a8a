import type { JsonCall } from './api-connection.js';
import type { Parser } from './wire-types.js';

interface PageOf<T> {
  readonly data: readonly T[];
  readonly nextToken: string | null;
}

/** Reads a list page by page. */
export const allPages = async <T>(json: JsonCall, path: string, parser: Parser<PageOf<T>>): Promise<readonly T[]> => {
  const all: T[] = [];
  for (let token: string | null | undefined; token !== null;) {
    const page: PageOf<T> = await json('POST', path, parser, { body: { token, maximumResults: 100 } });
    all.push(...page.data);
    token = page.nextToken;
  }
  return all;
};
