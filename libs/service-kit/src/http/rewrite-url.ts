/** The last part of these paths is user data: neither its slashes nor a trailing one may be touched. */
const VERBATIM = /^\/(secrets-manager|fornax\/v1\/secrets)\//i;
/** The one route whose version is part of its name although it begins with `/v1` (contract, 1.1). */
const KEEPS_V1 = /^\/v1\/network(\/|$)/i;

/**
 * The path that routes are declared under, for what clients really send (contract, 1.1): duplicate slashes collapse, `/v1` in front
 * and one slash at the end go away. The query stays as it is. Case is the router's business.
 */
export const rewriteUrl = (url: string): string => {
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const query = queryAt < 0 ? '' : url.slice(queryAt);
  return rewritePath(path) + query;
};

const rewritePath = (path: string): string => {
  const rooted = path.replace(/^\/+/, '/');
  const versionless = withoutVersion(rooted);
  if (VERBATIM.test(versionless)) return versionless;
  const collapsed = versionless.replace(/\/{2,}/g, '/');
  return collapsed.length > 1 && collapsed.endsWith('/') ? collapsed.slice(0, -1) : collapsed;
};

const withoutVersion = (path: string): string => {
  if (KEEPS_V1.test(path)) return path;
  const [, rest] = /^\/v1(?:\/+(.*))?$/is.exec(path) ?? [undefined, undefined];
  if (rest !== undefined) return `/${rest}`;
  return /^\/v1$/i.test(path) ? '/' : path;
};
