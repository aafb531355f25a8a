import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LogUnavailable, WritesStopped } from '@fornax/event-store';
import { pino } from 'pino';
import { wireErrorOf } from '../errors/wire-error.js';
import { HealthRegistry } from './health.registry.js';
import { WriteStops, type Writer } from './write-stops.js';

const FULL = { status: 507, message: 'The disk is full', ways: ['make room', 'move the data'] } as const;

const setup = () => {
  const health = new HealthRegistry();
  const lines: string[] = [];
  const stops = new WriteStops(health, pino({}, { write: (line: string) => void lines.push(line) }));
  const refused = (writer: Writer): unknown => {
    try {
      stops.check(writer);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  return { health, stops, lines, refused };
};

describe('reasons why nothing may be written', () => {
  it('refuse with their status and a sentence, in health with the ways out, until they are lifted', async () => {
    const { health, stops, refused } = setup();
    stops.set('disk', FULL);
    expect(refused('user')).toBeInstanceOf(WritesStopped);
    expect(wireErrorOf(refused('platform'))).toMatchObject({
      status: 507,
      message: 'The disk is full. Nothing was done; /health tells an operator what to do',
    });
    expect(stops.list()).toEqual([{ name: 'disk', ...FULL }]);
    expect((await health.check()).reasons).toEqual([
      { name: 'disk', reason: 'The disk is full. (1) make room. (2) move the data' },
    ]);
    stops.set('disk', undefined);
    expect(refused('user')).toBeUndefined();
    expect(await health.check()).toMatchObject({ ready: true, reasons: [] });
  });

  it('may spare what the platform itself writes', () => {
    const { stops, refused } = setup();
    stops.set('disk', { ...FULL, spares: 'platform' });
    expect(refused('platform')).toBeUndefined();
    expect(refused('node')).toBeUndefined();
    expect(refused('user')).toBeInstanceOf(WritesStopped);
    stops.set('disk', { ...FULL, spares: 'log' });
    expect(refused('platform')).toBeUndefined();
    expect(refused('node')).toBeInstanceOf(WritesStopped);
    stops.set('log', { status: 503, message: 'The log is another one', ways: [] });
    expect(wireErrorOf(refused('platform')).status).toBe(503);
  });

  it('write one line for each change, and none for what was said before', () => {
    const { stops, lines } = setup();
    stops.set('disk', undefined);
    stops.set('disk', FULL);
    stops.set('disk', { ...FULL });
    stops.set('disk', { ...FULL, message: 'The disk is nearly full' });
    stops.set('disk', undefined);
    expect(lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toEqual([
      'nothing may be written: The disk is full',
      'nothing may be written: The disk is nearly full',
      'writing is allowed again',
    ]);
  });
});

describe('what a start writes', () => {
  afterEach(() => void jest.useRealTimers());

  it('is written once it may be, also where the log itself refused and no reason here comes or goes', async () => {
    jest.useFakeTimers();
    const { stops } = setup();
    const answers: (Error | undefined)[] = [
      new WritesStopped(507, 'its store refuses commits'),
      new WritesStopped(507, 'its store refuses commits'),
      new LogUnavailable('the server is started again'),
      undefined,
    ];
    let calls = 0;
    await stops.onceAllowed('the first account', () => {
      const answer = answers[calls];
      calls += 1;
      return answer === undefined ? Promise.resolve() : Promise.reject(answer);
    });
    expect(calls).toBe(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(calls).toBe(4);
  });

  it('fails as it fails when nothing keeps it from being written', async () => {
    await expect(setup().stops.onceAllowed('it', () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  });
});
