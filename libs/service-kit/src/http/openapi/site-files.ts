import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/** What the build of a site writes beside its pages. */
const manifestSchema = z.object({
  files: z.array(z.string()),
  scripts: z.array(z.string().regex(/^sha256-[A-Za-z0-9+/]{43}=$/)),
});

export interface SiteFiles {
  /** When it was built: another one means that it was built again under the running process. */
  readonly builtAtMs: number;
  /** The only files that are served. */
  readonly files: ReadonlySet<string>;
  /** Hashes of the scripts inside its pages. */
  readonly scripts: readonly string[];
}

/** The files of a site as it is built now, or undefined where it is not built. */
export const siteReader = (folder: string): (() => Promise<SiteFiles | undefined>) => {
  let known: SiteFiles | undefined;
  return async () => {
    const manifest = join(folder, 'site.json');
    try {
      const { mtimeMs: builtAtMs } = await stat(manifest);
      if (known?.builtAtMs === builtAtMs) return known;
      const { files, scripts } = manifestSchema.parse(JSON.parse(await readFile(manifest, 'utf8')));
      return (known = { builtAtMs, files: new Set(files), scripts });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
};
