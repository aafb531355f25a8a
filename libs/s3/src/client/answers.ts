import { childNodes, childText, readXml } from '../protocol/xml.js';

/** An object as a listing tells of it. */
export interface S3Object {
  readonly key: string;
  readonly sizeBytes: number;
  /** Without quotes; '' where the storage names none. */
  readonly etag: string;
  readonly lastModified: string;
}

/** One page of ListObjectsV2. */
export interface ObjectPage {
  readonly objects: readonly S3Object[];
  /** Token of the next page. */
  readonly next: string | undefined;
}

export const unquoted = (etag: string | undefined): string => (etag ?? '').replace(/^"|"$/g, '');

const contentOf = (xml: string) => {
  const document = readXml(xml);
  if (!document) throw new Error('the storage answered something that is no XML');
  return document.content;
};

/** Reads the answer to a ListObjectsV2 request, made with `encoding-type=url` or not. @throws Error it is none */
export const parseObjectPage = (xml: string): ObjectPage => {
  const page = contentOf(xml);
  const isEncoded = childText(page, 'EncodingType') === 'url';
  const decode = (key: string): string => (isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
  const objects = childNodes(page, 'Contents').map((contents) => ({
    key: decode(childText(contents, 'Key') ?? ''),
    sizeBytes: Number(childText(contents, 'Size') ?? 0),
    etag: unquoted(childText(contents, 'ETag')),
    lastModified: childText(contents, 'LastModified') ?? '',
  }));
  return {
    objects,
    next: childText(page, 'IsTruncated') === 'true' ? childText(page, 'NextContinuationToken') : undefined,
  };
};

/** Names in the answer to ListBuckets. @throws Error it is none */
export const parseBuckets = (xml: string): readonly string[] => {
  const content = contentOf(xml);
  // Who has none is told so by an empty element.
  const [buckets] = childText(content, 'Buckets') === '' ? [] : childNodes(content, 'Buckets');
  return buckets ? childNodes(buckets, 'Bucket').flatMap((bucket) => childText(bucket, 'Name') ?? []) : [];
};

/** `<Code>` and `<Message>` of an error answer; undefined for an answer that is none, such as a proxy's page. */
export const parseError = (xml: string): { readonly code: string; readonly message: string } | undefined => {
  const document = readXml(xml);
  if (document?.root !== 'Error') return undefined;
  return { code: childText(document.content, 'Code') ?? '', message: childText(document.content, 'Message') ?? '' };
};

/** The upload that CreateMultipartUpload began. @throws Error it says none */
export const uploadIdOf = (xml: string): string => {
  const uploadId = childText(contentOf(xml), 'UploadId');
  if (!uploadId) throw new Error('the storage answered without an upload id');
  return uploadId;
};
