import { createHash } from 'node:crypto';

/** ETag of an object that was uploaded in parts (Amazon S3): MD5 over the parts' binary MD5s, a dash, the number of parts. */
export const compositeEtag = (partEtags: readonly string[]): string => {
  const hash = createHash('md5');
  for (const etag of partEtags) hash.update(Buffer.from(etag, 'hex'));
  return `${hash.digest('hex')}-${partEtags.length}`;
};
