/** Codes of Node's network errors, and Postgres' (SQLSTATE) for a server that goes down, starts, has no room, or lost a schema. */
const CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  // A table or a schema was dropped under us: the process starts again and makes it anew (see watchSchema).
  '42P01',
  '3F000',
];
/** Class 08 of SQLSTATE: connection exceptions. */
const CONNECTION_EXCEPTION = /^08\w{3}$/;
/** Errors of the NATS client that say that nobody could be asked. */
const NAMES = [
  'TimeoutError',
  'ConnectionError',
  'ClosedConnectionError',
  'DrainingConnectionError',
  'NoRespondersError',
];
const PG_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;
const MAX_DEPTH = 5;

const fieldOf = (error: Error, name: string): unknown => Reflect.get(error, name);

/** A server behind us cannot be reached: not the caller's mistake, nor a bug, and worth another try. Looks at causes, too. */
export const isOutage = (error: unknown, depth = 0): boolean => {
  if (!(error instanceof Error) || depth > MAX_DEPTH) return false;
  const code = fieldOf(error, 'code');
  if (typeof code === 'string' && (CODES.includes(code) || CONNECTION_EXCEPTION.test(code))) return true;
  if (NAMES.includes(error.name) || PG_MESSAGES.test(error.message)) return true;
  return [error.cause, fieldOf(error, 'driverError')].some((inner) => isOutage(inner, depth + 1));
};
