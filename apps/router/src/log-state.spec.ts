import { describe, expect, it } from '@jest/globals';
import { NOTHING_TO_ACCEPT } from '@fornax/service-kit';
import { acceptedOf, logStateOf, type Said } from './aggregate.js';
import { routeOf } from './routes.js';

const say = (service: Said['service'], status: number | undefined, body: unknown): Said => ({ service, status, body });
const right = { isRight: true, message: 'right', ways: [], lost: [] };
const wrong = { isRight: false, message: 'went back', ways: ['put it back'], lost: [{ table: 'task', rows: 1 }] };

describe('which log it is, for a process for each service', () => {
  it('is asked of all, and right only when it is for all', () => {
    expect(routeOf('/fornax/v1/log/state')).toEqual({ to: 'all', what: 'log-state' });
    expect(routeOf('/fornax/v1/log/accept?log=a%2F1')).toEqual({ to: 'all', what: 'log-accept' });
    expect(logStateOf([say('submission', 200, right), say('billing', 200, wrong)])).toEqual({
      status: 200,
      body: wrong,
    });
    expect(logStateOf([say('submission', 200, right), say('billing', 200, right)]).body).toEqual(right);
    expect(logStateOf([say('submission', 200, right), say('billing', undefined, undefined)]).status).toBe(503);
  });

  it('is accepted when each has accepted it or had nothing to accept', () => {
    const done = say('submission', 200, { accepted: 'a/1' });
    const before = say('billing', 409, { message: NOTHING_TO_ACCEPT });
    expect(acceptedOf([done, before])).toEqual({ status: 200, body: { accepted: 'a/1' } });
    expect(acceptedOf([before]).status).toBe(409);
    expect(acceptedOf([done, say('storage', undefined, undefined)]).status).toBe(503);
    const moved = say('storage', 409, { message: 'The event log is a/2 now, not a/1: look again' });
    expect(acceptedOf([done, before, moved])).toEqual({ status: 409, body: moved.body });
  });
});
