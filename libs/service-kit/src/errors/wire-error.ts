import { HttpException } from '@nestjs/common';
import {
  AggregateStopped,
  CommandRejected,
  CommitTooLarge,
  LogUnavailable,
  OutcomeUnknown,
  Outrun,
  VersionConflict,
  WritesStopped,
} from '@fornax/event-store';
import { databaseDamageOf } from '@fornax/projections';
import { isOutage, FornaxError, ValidationFailed, type ErrorKind } from '@fornax/base';

/** How one error looks on the wire: to HTTP clients (contract, 1.7) and, without status, to RPC callers. */
export interface WireError {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly message: string;
  readonly errors?: Readonly<Record<string, readonly string[]>>;
  /** False for a bug: something that nobody meant to throw. */
  readonly expected: boolean;
}

/** The one table from a kind of "no" to its status. */
const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthorized: 401,
  'payment-required': 402,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  refused: 422,
  unavailable: 503,
  unsettled: 504,
};

/** Errors of Fastify and of Nest's HttpException carry their status. */
const statusIn = (error: Error): number | undefined => {
  if (error instanceof HttpException) return error.getStatus();
  const status = 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : undefined;
};

export const wireErrorOf = (error: unknown): WireError => {
  if (error instanceof FornaxError) {
    const wire = { status: STATUS_OF_KIND[error.kind], code: error.code, message: error.message, expected: true };
    return error instanceof ValidationFailed ? { ...wire, errors: error.errors } : wire;
  }
  if (error instanceof CommandRejected) {
    const { kind, code, detail } = error.rejection;
    return { status: STATUS_OF_KIND[kind], code, message: detail, expected: true };
  }
  if (error instanceof CommitTooLarge)
    return { status: 400, code: 'too-large', message: error.message, expected: true };
  // No client repeats a 409 by itself (contract, 1.9), and all of them show its text.
  if (error instanceof Outrun) return { status: 409, code: 'outrun', message: error.message, expected: true };
  // Neither "nothing was done" nor "it was": whoever cannot join a repeated request to this one must not provoke it.
  if (error instanceof OutcomeUnknown)
    return {
      status: 409,
      code: 'outcome-unknown',
      message: 'The event log does not answer, so nobody can say whether this was done: look before you send it again',
      expected: true,
    };
  if (error instanceof AggregateStopped)
    return { status: 409, code: 'aggregate-stopped', message: error.message, expected: true };
  if (error instanceof WritesStopped)
    return { status: error.status, code: 'writes-stopped', message: error.message, expected: true };
  if (error instanceof LogUnavailable || error instanceof VersionConflict) {
    return { status: 503, code: 'unavailable', message: 'The event log cannot be written right now', expected: true };
  }
  if (error instanceof Error) {
    const status = statusIn(error);
    if (status !== undefined && status < 500)
      return { status, code: codeOf(error, status), message: textOf(error, status), expected: true };
    if (status === 503) return { status, code: 'unavailable', message: error.message, expected: true };
  }
  if (isDiskFull(error))
    return {
      status: 507,
      code: 'disk-full',
      message: 'A disk of the platform is full. Nothing was done; /health tells an operator what to do',
      expected: true,
    };
  if (databaseDamageOf(error) !== undefined)
    return {
      status: 503,
      code: 'database-damaged',
      message: 'Files of the database are damaged. Nothing is lost for good; /health tells an operator what to do',
      expected: true,
    };
  if (isUnstorableText(error))
    return {
      status: 400,
      code: 'bad-text',
      message: 'The request holds a character that cannot be stored',
      expected: true,
    };
  if (isOutage(error))
    return {
      status: 503,
      code: 'unavailable',
      message: 'A part of the platform cannot be reached right now',
      expected: true,
    };
  return { status: 500, code: 'internal', message: 'Internal Server Error', expected: false };
};

/** PostgreSQL's character_not_in_repertoire: a NUL in a path or a query, say. */
const isUnstorableText = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '22021';

/** Of the system, or PostgreSQL's disk_full. */
const DISK_FULL = ['ENOSPC', 'EDQUOT', '53100'];
const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && DISK_FULL.includes(error.code);

const codeOf = (error: Error, status: number): string => {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : `http-${status}`;
};

const textOf = (error: Error, status: number): string =>
  status === 413 ? 'The request body is too large' : error.message === '' ? `HTTP ${status}` : error.message;
