/** The S3 protocol: signatures, documents, errors and ranges, and a client. */
export { parseRange, parseRangeHeader, type ByteRange, type RangeWish } from './protocol/byte-range.js';
export { isExecutable, MODE_HEADER, folderModeText, modeText } from './protocol/file-mode.js';
export type { S3Object } from './client/answers.js';
export type { StreamBody } from './client/body.js';
export { FileChanged } from './client/file-changed.js';
export {
  S3Client,
  type CallOptions,
  type ObjectContent,
  type ReadOptions,
  type S3ClientOptions,
  type UploadOptions,
} from './client/s3-client.js';
export { S3Connection, type S3ConnectionOptions } from './client/s3-connection.js';
export {
  accessDenied,
  malformedXml,
  noSuchBucket,
  noSuchKey,
  S3Error,
  s3Error,
  type S3ErrorCode,
} from './protocol/s3-error.js';
export { presignedUrl, type RequestToPresign } from './signature/presign.js';
export { DEFAULT_REGION, signRequest, type RequestToSign, type S3Keys } from './signature/sign-request.js';
export {
  ALGORITHM,
  canonicalQuery,
  canonicalRequest,
  EMPTY_SHA256,
  encodePath,
  equalInConstantTime,
  formatTimestamp,
  parseTimestamp,
  sha256Hex,
  signatureOf,
  signChunk,
  signingKey,
  signTrailer,
  UNSIGNED_PAYLOAD,
  uriEncode,
  type CanonicalParts,
  type ChunkSigning,
  type CredentialScope,
  type QueryPairs,
} from './signature/sigv4.js';
export {
  childNodes,
  childText,
  errorDocument,
  parseXml,
  readXml,
  xmlDocument,
  type XmlChildren,
  type XmlContent,
  type XmlNode,
} from './protocol/xml.js';
export { writesOver } from './client/writes-over.js';
