import type { AnyParser, JsonCall } from './api-connection.js';

export interface PageOf<T> {
  readonly data: readonly T[];
  readonly nextToken: string | null;
}

/** A condition on objects of a list (contract, section 1.12). */
export type Filter =
  | { readonly operator: 'And' | 'Or'; readonly filters: readonly Filter[] }
  | { readonly operator: 'In' | 'NotIn'; readonly field: string; readonly values: readonly (string | number)[] }
  | {
      readonly operator:
        'Equal' | 'NotEqual' | 'LessThan' | 'LessThanOrEqual' | 'GreaterThan' | 'GreaterThanOrEqual' | 'Like';
      readonly field: string;
      readonly value: string | number | boolean | null;
    };

export interface ListOptions {
  /** All of them when absent. */
  readonly filter?: Filter | undefined;
  /** Most that are read, the first ones; all of them when absent. */
  readonly limit?: number | undefined;
  /** Newest first when absent. */
  readonly order?: { readonly field: string; readonly isDescending: boolean } | undefined;
}

/** As many as the platform gives at once: each page is a round trip. */
const PAGE = 1_000;

/** Reads a list page by page. */
export const allPages = async <T>(
  json: JsonCall,
  path: string,
  parser: AnyParser<PageOf<T>>,
  { filter, limit = Infinity, order }: ListOptions = {},
): Promise<readonly T[]> => {
  const all: T[] = [];
  const ordered = order === undefined ? {} : { orderBy: order.field, orderType: order.isDescending ? 'DESC' : 'ASC' };
  for (let token: string | null | undefined; token !== null && all.length < limit;) {
    const maximumResults = Math.min(PAGE, limit - all.length);
    const page: PageOf<T> = await json('POST', path, parser, { body: { token, filter, maximumResults, ...ordered } });
    all.push(...page.data);
    token = page.nextToken;
  }
  return all;
};
