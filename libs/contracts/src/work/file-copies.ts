import { z } from 'zod';

/** The query by which a node has files of a snapshot copied inside the store: `POST /<bucket>?fornax-copies`. */
export const FILE_COPIES_QUERY = 'fornax-copies';
export const MAX_COPIES_BYTES = 4 * 1024 * 1024;
/** Files of one request. */
export const MOST_COPIES = 500;

const copiesSchema = z.strictObject({
  /** `before`: files of the snapshot before become files of this one. `taken`: files of this one are laid out to be published once it is complete. */
  of: z.enum(['before', 'taken']),
  files: z
    .array(
      z.strictObject({
        key: z.string().min(1),
        /** As `x-amz-meta-mode` says it. */
        mode: z.string().regex(/^[0-7]{1,7}$/),
      }),
    )
    .min(1)
    .max(MOST_COPIES),
});
export type FileCopies = z.output<typeof copiesSchema>;

export const encodeCopies = (copies: FileCopies): Buffer => Buffer.from(JSON.stringify(copies));

/** @returns undefined for anything else */
export const decodeCopies = (body: Buffer): FileCopies | undefined => {
  try {
    return copiesSchema.safeParse(JSON.parse(body.toString('utf8'))).data;
  } catch {
    return undefined;
  }
};
