import { s3Error } from '@fornax/s3';

export const NO_SUCH_VERSION = 'The specified version does not exist.';

/** Whether a request means the one version that an object here has. */
export const isOwnVersion = (version: string | undefined): boolean => version === undefined || version === 'null';

/**
 * Refuses any other version: the current object is no answer to a question about an older one.
 * @throws S3Error NoSuchVersion
 */
export const checkVersion = (version: string | undefined): void => {
  if (!isOwnVersion(version))
    throw s3Error('NoSuchVersion', NO_SUCH_VERSION, { VersionId: version?.slice(0, 1_024) ?? '' });
};
