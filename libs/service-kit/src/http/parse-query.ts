import { parse } from 'node:querystring';

/**
 * Query keys are matched in any case (contract, 1.1): every value stands under its key as sent and, unless that is taken, under the key
 * in lower case. `?Limit=5` is read as `limit`.
 */
export const parseQuery = (text: string): Record<string, string | string[]> => {
  const values: Record<string, string | string[]> = Object.create(null);
  for (const [key, value] of Object.entries(parse(text))) {
    if (value === undefined) continue;
    values[key] = value;
    values[key.toLowerCase()] ??= value;
  }
  return values;
};
