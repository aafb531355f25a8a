/**
 * Indexes of LOCAL_INDEX_UP's tables by which objects are found by age, and those of one bucket by a part of their keys.
 * @param folders the bucket, and which part of its keys; the first is 1
 */
export const usageIndexUp = ({
  bucket,
  part,
}: {
  readonly bucket: string;
  readonly part: number;
}): readonly string[] => [
  'CREATE INDEX object_modified ON object (bucket, modified_at)',
  `CREATE INDEX object_part ON object (split_part(key, '/', ${part})) WHERE bucket = '${bucket}'`,
  `CREATE INDEX multipart_upload_part ON multipart_upload (split_part(key, '/', ${part})) WHERE bucket = '${bucket}'`,
];

export const USAGE_INDEX_DOWN: readonly string[] = ['DROP INDEX multipart_upload_part, object_part, object_modified'];
