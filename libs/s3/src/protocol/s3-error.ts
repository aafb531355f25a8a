/** Status of every error code that this endpoint answers with (Amazon S3 API reference, error responses). */
const STATUS = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyExists: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InsufficientStorage: 507,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidBucketState: 409,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedTrailerError: 400,
  MalformedXML: 400,
  MaxMessageLengthExceeded: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  NotImplemented: 501,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  PreconditionFailed: 412,
  QuotaExceeded: 403,
  RequestHeaderSectionTooLarge: 400,
  RequestTimeTooSkewed: 403,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  TooManyBuckets: 400,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof STATUS;

/** A "no" as S3 says it, on either side of the wire. `details` become elements of the answer, e.g. BucketName. */
export class S3Error extends Error {
  constructor(
    readonly status: number,
    /** S3's own, e.g. `NoSuchKey`; of another service perhaps one that is not in the table above. */
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'S3Error';
  }
}

/** An error to answer with: its code says its status. */
export const s3Error = (
  code: S3ErrorCode,
  message: string,
  details: Readonly<Record<string, string>> = {},
  options?: ErrorOptions,
): S3Error => new S3Error(STATUS[code], code, message, details, options);

export const noSuchBucket = (bucket: string): S3Error =>
  s3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: bucket });
export const noSuchKey = (key: string): S3Error =>
  s3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });
export const accessDenied = (message = 'Access Denied'): S3Error => s3Error('AccessDenied', message);
export const malformedXml = (
  message = 'The XML you provided was not well-formed or did not validate against our published schema',
): S3Error => s3Error('MalformedXML', message);
