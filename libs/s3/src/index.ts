export { parseRange, type ByteRange } from './byte-range.js';
export { accessDenied, malformedXml, noSuchBucket, noSuchKey, S3Error, type S3ErrorCode } from './s3-error.js';
export {
  canonicalRequest,
  EMPTY_SHA256,
  encodePath,
  equalInConstantTime,
  parseTimestamp,
  scopeText,
  sha256Hex,
  signChunk,
  signingKey,
  signRequest,
  signTrailer,
  uriEncode,
  type CanonicalParts,
  type ChunkSigning,
  type CredentialScope,
} from './signature/sigv4.js';
export {
  childNodes,
  childText,
  errorDocument,
  parseXml,
  xmlDocument,
  type XmlChildren,
  type XmlContent,
  type XmlNode,
} from './xml.js';
