import { describe, expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import type { RejectionKind } from '@fornax/domain';
import { CommandRejected, LogUnavailable } from '@fornax/event-store';
import {
  Conflict,
  Forbidden,
  NotFound,
  PaymentRequired,
  Refused,
  Unauthorized,
  Unavailable,
  ValidationFailed,
} from '@fornax/base';
import { wireErrorOf } from './wire-error.js';
import { errorBody } from './wire-exception.filter.js';

const statusOf = (error: unknown): number => wireErrorOf(error).status;

describe('errors on the wire', () => {
  it('have one status for each kind', () => {
    const errors = [
      new Unauthorized(),
      new PaymentRequired('x'),
      new Forbidden('x'),
      new NotFound('x'),
      new Conflict('x'),
      new Refused('x'),
      new Unavailable('x'),
    ];
    expect(errors.map(statusOf)).toEqual([401, 402, 403, 404, 409, 422, 503]);
  });

  it('take the status of a rejection from its kind, whatever its code', () => {
    const of = (kind: RejectionKind): number =>
      statusOf(new CommandRejected({ kind, code: 'task-not-found', detail: 'x' }));
    expect([of('invalid'), of('forbidden'), of('not-found'), of('conflict')]).toEqual([400, 403, 404, 409]);
  });

  it('say that a log which cannot be written may be tried again', () =>
    expect(statusOf(new LogUnavailable('down'))).toBe(503));

  it('say the same of a server that cannot be reached, however deep the reason lies', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' });
    const query = Object.assign(new Error('query failed'), { driverError: starting });
    const errors = [
      refused,
      query,
      new Error('cannot read', { cause: refused }),
      new Error('Connection terminated unexpectedly'),
    ];
    expect(errors.map(statusOf)).toEqual([503, 503, 503, 503]);
  });

  it('keep the status of what Nest and Fastify throw', () => {
    expect(statusOf(new NotFoundException('gone'))).toBe(404);
    expect(statusOf(Object.assign(new Error('x'), { statusCode: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' }))).toBe(413);
  });

  it('tell nothing of a bug', () => {
    for (const bug of [
      new Error('password is x'),
      'thrown text',
      undefined,
      Object.assign(new Error('x'), { statusCode: 500 }),
    ]) {
      expect(errorBody(wireErrorOf(bug))).toEqual({ message: 'Internal Server Error' });
    }
  });

  it('always have a message, and what the readers of 401 and of problems expect besides', () => {
    expect(errorBody(wireErrorOf(new NotFound('No such task: x')))).toEqual({ message: 'No such task: x' });
    expect(errorBody(wireErrorOf(new Unauthorized()))).toEqual({
      message: 'Bad authentication token',
      error: { message: 'Bad authentication token', code: 401 },
      data: {},
    });
    expect(errorBody(wireErrorOf(new ValidationFailed({ name: ['is missing'] })))).toEqual({
      type: 'about:blank',
      title: 'One or more validation errors occurred.',
      status: 400,
      traceId: '',
      message: 'name: is missing',
      errors: { name: ['is missing'] },
    });
  });
});
