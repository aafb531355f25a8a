import { resultManifestSchema, type ResultManifest } from '@fornax/contracts';

/** @throws Error it is no list of results that this version reads */
export const parseManifest = (bytes: Uint8Array): ResultManifest => {
  const parsed = resultManifestSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new Error('The list of results cannot be read: it is damaged, or of a later version than this command');
};
