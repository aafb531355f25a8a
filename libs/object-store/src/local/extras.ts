import { z } from 'zod';
import type { ObjectChecksum, PartChecksum, WantedChecksum } from '../port/object-store.js';

/** What only some objects have: one column of the index, one field of the manifest. */
export interface Extras {
  readonly contentHeaders?: Readonly<Record<string, string>>;
  readonly checksum?: ObjectChecksum;
}

const texts = z.record(z.string(), z.string());
const type = z.enum(['full-object', 'composite']);
const objectExtras = z.object({
  contentHeaders: texts.exactOptional(),
  checksum: z
    .object({ algorithm: z.string(), value: z.string(), type, parts: z.array(z.string()).exactOptional() })
    .exactOptional(),
});
const uploadExtras = z.object({
  contentHeaders: texts.exactOptional(),
  checksum: z.object({ algorithm: z.string(), type }).exactOptional(),
});
const partExtras = z.object({ checksum: z.object({ algorithm: z.string(), value: z.string() }).exactOptional() });

/** The extras of an object that was stored; none of one that has none, or is of an earlier version. */
export const extrasOf = (stored: unknown): Extras => objectExtras.safeParse(stored).data ?? {};
export const uploadExtrasOf = (
  stored: unknown,
): { readonly contentHeaders?: Readonly<Record<string, string>>; readonly checksum?: WantedChecksum } =>
  uploadExtras.safeParse(stored).data ?? {};
export const partExtrasOf = (stored: unknown): { readonly checksum?: PartChecksum } =>
  partExtras.safeParse(stored).data ?? {};

/** As they are stored: null when there are none. */
export const storedExtras = (extras: {
  readonly contentHeaders?: Readonly<Record<string, string>> | undefined;
  readonly checksum?: object | undefined;
}): object | null => {
  const { contentHeaders = {}, checksum } = extras;
  const hasHeaders = Object.keys(contentHeaders).length > 0;
  if (!hasHeaders && !checksum) return null;
  return { ...(hasHeaders ? { contentHeaders } : {}), ...(checksum ? { checksum } : {}) };
};
