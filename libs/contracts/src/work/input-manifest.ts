import { z } from 'zod';

/** Inputs of one instance that are listed; of more, and of lists of more bytes, nothing is recorded. */
export const MOST_RECORDED_INPUTS = 20_000;
export const MOST_INPUT_MANIFEST_BYTES = 8_388_608;

/** Lists of inputs that one task may be pinned to: their names are in its first event. */
export const MOST_PINNED_LISTS = 1_000;

/** Whether a path stays below a folder, written in one way only: a list comes from a node, and another one makes files where it says. */
const staysBelow = (path: string): boolean =>
  !path.includes('\0') &&
  path
    .replace(/\/$/, '')
    .split('/')
    .every((part) => !['', '.', '..'].includes(part));

/**
 * What an attempt got as inputs: an object of the storage's area `.manifests`, `<task>/inputs-<SHA-256 of it>.json`. It names no instance, so those that
 * get the same have one list.
 */
export const inputManifestSchema = z.object({
  format: z.literal(1),
  /** By path. */
  objects: z.array(
    z.object({
      /** Relative to the folder of inputs; one that ends with a slash is a folder. */
      path: z.string().refine(staysBelow, 'a path that leads out of the folder of inputs'),
      bucket: z.string(),
      key: z.string(),
      etag: z.string(),
      lastModified: z.string(),
      /** Bytes. */
      size: z.number().int().min(0),
      /** In hex; absent of a folder. */
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .exactOptional(),
      isExecutable: z.boolean(),
    }),
  ),
  /** Present where new files were brought while it ran: what it read when, nobody knows. */
  refreshed: z.literal(true).exactOptional(),
});
export type InputManifest = z.output<typeof inputManifestSchema>;
/** One input as it was. */
export type RecordedInput = InputManifest['objects'][number];

/** Name of a list of inputs in its task's folder. */
export const inputManifestName = (digest: string): string => `inputs-${digest}.json`;
