/** What secrets of one instance may come to: its node holds them in memory that nobody is charged for and that all of its instances share. */
export const MOST_SECRETS_OF_INSTANCE = 1_000;
export const MOST_SECRET_BYTES_OF_INSTANCE = 1_048_576;
/** Parts of all keys together: each may be a folder, which takes memory as well. */
export const MOST_SECRET_PARTS_OF_INSTANCE = 10_000;

/** What secrets come to. */
export interface SecretsSize {
  readonly count: number;
  /** Of their values, in UTF-8. */
  readonly bytes: number;
  /** Of their keys: `a/b` has two. */
  readonly parts: number;
}

/** Why secrets are too many or too large for one instance, with what to do; undefined when they are not. */
export const secretsExcess = ({ count, bytes, parts }: SecretsSize): string | undefined => {
  const much = `Its secretsAccessRights name ${count} secrets of ${bytes} bytes together, with ${parts} parts in their keys`;
  const most = `an instance takes ${MOST_SECRETS_OF_INSTANCE} secrets of ${MOST_SECRET_BYTES_OF_INSTANCE} bytes, with ${MOST_SECRET_PARTS_OF_INSTANCE} parts`;
  const isTooMuch =
    count > MOST_SECRETS_OF_INSTANCE || bytes > MOST_SECRET_BYTES_OF_INSTANCE || parts > MOST_SECRET_PARTS_OF_INSTANCE;
  return isTooMuch
    ? `${much}, and ${most}: name keys or longer prefixes, or put what is large into a bucket`
    : undefined;
};
