import { readFileSync } from 'node:fs';

let known: string | undefined;

/** The release that this process is of: the version of this library's package, as it stands beside the sources and beside what is built of them. */
export const releaseOf = (): string =>
  (known ??= (
    JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string }
  ).version);
