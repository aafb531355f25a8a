import { Unavailable } from '@fornax/base';
import { LogUnavailable, OutcomeUnknown, Outrun, VersionConflict, WritesStopped } from '@fornax/event-store';

const KINDS = [Unavailable, LogUnavailable, OutcomeUnknown, Outrun, VersionConflict, WritesStopped] as const;
/** Of Postgres: connections, transactions that were given up, resources, an operator's intervention, the system around it. */
const SQL_CLASSES = /^(08|25P03|40|53|57|58)/;
const OF_A_SOCKET = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT)/;
const OF_A_POOL = /connection terminated|timeout exceeded when trying to connect|cannot use a pool/i;

/** Whether an error is of a log or a database that is away for now: what it befell is not at fault, and is tried again for as long as that lasts. */
export const isPassing = (error: unknown): boolean => {
  if (KINDS.some((kind) => error instanceof kind)) return true;
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string' && (SQL_CLASSES.test(code) || OF_A_SOCKET.test(code))) return true;
  return OF_A_POOL.test(error.message) || (error.cause !== undefined && isPassing(error.cause));
};
