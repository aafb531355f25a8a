import { existsSync, readFileSync } from 'node:fs';

/** The version of this command line: that of its package, wherever in it this file was built to. */
export const versionOf = (): string => {
  for (const up of ['../', '../../']) {
    const file = new URL(`${up}package.json`, import.meta.url);
    if (!existsSync(file)) continue;
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
    return version;
  }
  throw new Error('The folder of this program has no package.json.');
};
