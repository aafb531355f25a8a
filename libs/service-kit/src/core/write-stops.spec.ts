import { describe, expect, it } from '@jest/globals';
import { WritesStopped } from '@fornax/event-store';
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
    expect(refused('user')).toBeInstanceOf(WritesStopped);
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
