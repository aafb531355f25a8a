import { z } from 'zod';

/** What an attempt left as results: an object of the storage's area `.manifests`, `<task>/<SHA-256 of it>.json`, which its owner reads. */
export const resultManifestSchema = z.object({
  format: z.literal(1),
  taskId: z.string(),
  instance: z.number().int().min(0),
  attempt: z.number().int().min(0),
  bucket: z.string(),
  /** The folder that the paths are relative to: empty, or with a slash at its end. */
  folder: z.string(),
  /** False when the upload was ended before all of it was stored. */
  isWhole: z.boolean(),
  /** By path. One that ends with a slash is of a folder with nothing in it. A name that is not UTF-8 is written as its key is: bytes of no character as `%` and two digits. */
  files: z.array(
    z.object({
      path: z.string(),
      /** Bytes. */
      size: z.number().int().min(0),
      /** Rights as of `chmod`, a number: 0o644 is 420. */
      mode: z.number().int().min(0).max(0o7777),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  /** What would be a result and is not stored, and why: the first of them, where they are very many. */
  leftOut: z.array(z.object({ path: z.string(), why: z.string() })),
  /** How many more are not. */
  leftOutUnnamed: z.number().int().min(1).exactOptional(),
});
export type ResultManifest = z.output<typeof resultManifestSchema>;
