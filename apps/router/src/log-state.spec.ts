import { describe, expect, it } from '@jest/globals';
import { NOTHING_TO_ACCEPT } from '@fornax/service-kit';
import { acceptByAll, logStateOf, type Said } from './aggregate.js';
import { routeOf, SERVICES } from './routes.js';
import type { Targets } from './settings.js';

const say = (service: Said['service'], status: number | undefined, body: unknown): Said => ({ service, status, body });
/** 409 of a service that knows another log by now. */
const MOVED = -409;
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

  const bodies: Readonly<Record<number, object>> = {
    200: { accepted: 'a/1' },
    409: { message: NOTHING_TO_ACCEPT },
    [MOVED]: { message: 'The event log is a/2 now, not a/1: look again' },
  };
  const answerOf = (name: Said['service'], status: number | undefined): Said =>
    say(name, status === MOVED ? 409 : status, bodies[status ?? 0]);
  /** What each answers, and who was asked, in order. */
  const acceptance = async (answers: Readonly<Record<string, number | undefined>>) => {
    const asked: string[][] = [];
    const url = new URL('http://127.0.0.1');
    const targets = Object.fromEntries(SERVICES.map((name) => [name, url])) as Targets;
    const { status } = await acceptByAll((some) => {
      const names = SERVICES.filter((name) => name in some);
      asked.push(names);
      return Promise.resolve(names.map((name) => answerOf(name, name in answers ? answers[name] : 200)));
    }, targets);
    return { status, asked };
  };

  it('is accepted when each has accepted it or had nothing to accept, the node registry first', async () => {
    const others = SERVICES.filter((name) => name !== 'node-registry');
    expect(await acceptance({})).toEqual({ status: 200, asked: [['node-registry'], others] });
    expect(await acceptance({ 'node-registry': 409, billing: 409 })).toMatchObject({ status: 200 });
    expect(await acceptance(Object.fromEntries(SERVICES.map((name) => [name, 409])))).toMatchObject({ status: 409 });
    expect(await acceptance({ storage: undefined })).toMatchObject({ status: 503 });
  });

  it('is accepted by nobody when the node registry cannot: nothing is placed before nodes can be told', async () => {
    expect(await acceptance({ 'node-registry': undefined })).toEqual({ status: 503, asked: [['node-registry']] });
    expect(await acceptance({ 'node-registry': 401 })).toEqual({ status: 401, asked: [['node-registry']] });
    expect(await acceptance({ 'node-registry': MOVED })).toEqual({ status: 409, asked: [['node-registry']] });
    expect(await acceptance({ storage: MOVED })).toMatchObject({ status: 409 });
  });
});
