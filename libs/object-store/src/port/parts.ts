import { type PartInfo, type PartRef, MIN_PART_BYTES, StoreRefusal } from './object-store.js';

/**
 * The uploaded parts that a completion names, in its order.
 * @throws StoreRefusal InvalidPartOrder (not ascending), InvalidPart (not uploaded, or another ETag), EntityTooSmall (all but the last need 5 MiB)
 */
export const chooseParts = <P extends PartInfo>(uploaded: readonly P[], wanted: readonly PartRef[]): readonly P[] => {
  const byNumber = new Map(uploaded.map((part) => [part.partNumber, part]));
  if (wanted.length === 0) throw new StoreRefusal('InvalidPart', 'an upload is completed with at least one part');
  if (wanted.some(({ partNumber }, index) => partNumber <= (wanted[index - 1]?.partNumber ?? 0))) {
    throw new StoreRefusal('InvalidPartOrder', 'parts must be in ascending order');
  }
  return wanted.map(({ partNumber, etag }, index) => {
    const part = byNumber.get(partNumber);
    if (!part || part.etag !== etag)
      throw new StoreRefusal('InvalidPart', `part ${partNumber} was not uploaded, or its ETag differs`);
    if (index < wanted.length - 1 && part.sizeBytes < MIN_PART_BYTES) {
      throw new StoreRefusal('EntityTooSmall', `part ${partNumber} is smaller than 5 MiB and not the last`);
    }
    return part;
  });
};
