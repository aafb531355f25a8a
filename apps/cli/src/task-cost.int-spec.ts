import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const cost = {
  ...{ taskId: 't', plan: 'flex', constrained: false, currency: 'EUR', spentMicros: 30_000, totalMicros: 32_500 },
  running: { attempts: 2, micros: 2_500 },
  finished: 3,
  forecast: {
    lowMicros: 60_000,
    highMicros: 90_000,
    running: { progress: 1, finished: 1, 'max-wall-time': 0 },
    waiting: 4,
    waitingBasis: 'finished',
  },
  noForecast: null,
  whatIf: [
    { plan: 'flex', hardware: null, micros: 30_000, isOwn: true },
    { plan: 'onDemand', hardware: 'epyc\u001b[2J', micros: 75_000, isOwn: false },
    { plan: 'reserved', hardware: '', micros: null, isOwn: false },
  ],
};

describe('fornax task cost', () => {
  const answers: Record<string, readonly [number, unknown]> = {};
  const PATH = 'GET /fornax/v1/billing/tasks/t/cost';
  const platform = cannedPlatform({ answers });
  beforeAll(() => platform.start());
  afterAll(() => platform.stop());
  const said = async (answer: unknown, ...options: readonly string[]): Promise<string> => {
    answers[PATH] = [200, answer];
    const { code, stdout } = await platform.fornax('task', 'cost', 't', ...options);
    expect(code).toBe(0);
    return stdout;
  };

  it('says what it has cost, what it will and by what that is known, and what it would have', async () => {
    const stdout = await said(cost);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'until now: 0.032500 EUR, of that 0.002500 of 2 that run',
      'at its end: 0.060000 to 0.090000 EUR',
      '  1 running, by the progress that it tells',
      '  1 running, by what instances cost that have succeeded',
      '  4 waiting, by what instances cost that have succeeded',
    ]);
    expect(lines.slice(6).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['flex', 'any, by work', '0.030000', 'as it was'],
      ['onDemand', expect.stringContaining('epyc'), '0.075000'],
      ['reserved', 'other', 'no price'],
    ]);
    expect(stdout).not.toContain('\u001b');
    expect(JSON.parse(await said(cost, '--json'))).toEqual(cost);
  });

  it('says why nothing is known of its end', async () => {
    const over = { ...cost, running: { attempts: 0, micros: 0 }, forecast: null, noForecast: 'over', whatIf: [] };
    expect(await said(over)).toBe('until now: 0.032500 EUR\nat its end: not known, nothing of it is left to run\n');
  });
});
