import type { ObjectInfo } from '@fornax/object-store';

type HeaderOf = (name: string) => string | undefined;

/** The entity tags of a header, without quotes. */
export const etagsOf = (header: string): readonly string[] =>
  header.split(',').map((one) => one.trim().replace(/^W\//, '').replaceAll('"', ''));

const hasEtag = (header: string, etag: string): boolean => etagsOf(header).some((one) => one === '*' || one === etag);

/** HTTP dates have whole seconds. */
const isModifiedSince = (info: ObjectInfo, date: string): boolean =>
  Math.floor(info.modifiedAt.getTime() / 1000) * 1000 > Date.parse(date);

/**
 * What the conditional headers of a request make of it (RFC 9110, section 13.2.2), e.g. `if-match`.
 * @param prefix in front of the names, for the source of a copy
 */
export const judgeConditions = (
  header: HeaderOf,
  info: ObjectInfo,
  prefix = '',
): 'go-on' | 'failed' | 'not-modified' => {
  const [match, unmodified] = [header(`${prefix}if-match`), header(`${prefix}if-unmodified-since`)];
  if (match !== undefined ? !hasEtag(match, info.etag) : unmodified !== undefined && isModifiedSince(info, unmodified))
    return 'failed';
  const [noneMatch, modified] = [header(`${prefix}if-none-match`), header(`${prefix}if-modified-since`)];
  if (noneMatch !== undefined) return hasEtag(noneMatch, info.etag) ? 'not-modified' : 'go-on';
  return modified !== undefined && !Number.isNaN(Date.parse(modified)) && !isModifiedSince(info, modified)
    ? 'not-modified'
    : 'go-on';
};
