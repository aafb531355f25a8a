/**
 * Classes of SQLSTATE that speak of what was written: cardinality violation, data exception, integrity constraint violation, and limits of the
 * program (a value too large for an index; lack of room is another class).
 */
const DATA_CLASSES = /^(2[123]|54)\w{3}$/;
const MAX_DEPTH = 5;

const fieldOf = (error: object, name: string): unknown => Reflect.get(error, name);

/** The SQLSTATE that an error of the database or of what wraps it has. */
export const sqlStateOf = (error: unknown, depth = 0): string | undefined => {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return undefined;
  const code = fieldOf(error, 'code');
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return sqlStateOf(fieldOf(error, 'driverError'), depth + 1) ?? sqlStateOf(fieldOf(error, 'cause'), depth + 1);
};

/** What a fold throws when an event is not as it expects; `fetch` throws a TypeError with a cause when a server is away, which is none. */
const isMistake = (error: Error): boolean =>
  ['TypeError', 'RangeError', 'SyntaxError', 'ReferenceError', 'URIError', 'ZodError'].includes(error.name) &&
  error.cause === undefined;

/**
 * The data is why it failed, so trying again gives the same. An allow-list: everything else (a server away, a connection lost, no room, two
 * writers that met) passes, and is tried again.
 */
export const isDataError = (error: unknown): boolean => {
  const state = sqlStateOf(error);
  if (state !== undefined) return DATA_CLASSES.test(state);
  return error instanceof Error && isMistake(error);
};

/** For code that does nothing but fold and ask its database: what is no error of the database was thrown by the fold itself. */
export const isFoldError = (error: unknown): boolean => {
  if (isDataError(error)) return true;
  if (!(error instanceof Error) || sqlStateOf(error) !== undefined) return false;
  const code = fieldOf(error, 'code');
  const isOfDriver = ['QueryFailedError', 'TypeORMError', 'QueryRunnerAlreadyReleasedError'].includes(error.name);
  return typeof code !== 'string' && !isOfDriver && !/connect|terminat|timeout/i.test(error.message);
};
