/** What stands in the place of a wrapped data key in events: the key lies in the table `data_key`, under this id (ADR 0112). */
const KEPT = 'kept:';

/** Names a data key that is kept outside of the log. */
export const referenceTo = (keyId: string): string => `${KEPT}${keyId}`;

/** The id of the data key that is kept outside of the log; undefined for a wrapped one, as events of before hold it. */
export const keptKeyIn = (wrappedKey: string): string | undefined =>
  wrappedKey.startsWith(KEPT) ? wrappedKey.slice(KEPT.length) : undefined;

/** What a constant is sealed as: it opens for no other task or pool, and under no other name. Those of before had no identity. */
export const constantIdentity = (ownerId: string, wrappedKey: string, key: string): string =>
  keptKeyIn(wrappedKey) === undefined ? '' : `constant/${ownerId}/${key}`;

/** What a data key is wrapped as. */
export const dataKeyIdentity = (keyId: string): string => `data-key/${keyId}`;
