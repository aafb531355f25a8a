import { describe, expect, it } from '@jest/globals';
import type { Answer } from './readiness.js';
import { watchHealth } from './watch-health.js';

const ready: Answer = { isReady: true, degraded: [] };
const notReady = (...names: readonly string[]): Answer => ({
  isReady: false,
  why: names.join('; '),
  reasons: names.map((name) => ({ name, reason: 'x' })),
  stops: [],
});
const away: Answer = { isReady: false, why: 'no answer', reasons: [], stops: [] };

const saidAbout = async (...answers: readonly Answer[]): Promise<readonly string[]> => {
  const stop = new AbortController();
  const said: string[] = [];
  let at = 0;
  await watchHealth({
    signal: stop.signal,
    ask: () => Promise.resolve(answers[at++] ?? ready),
    say: (line) => said.push(line),
    onLook: () => Promise.resolve(at >= answers.length ? stop.abort() : undefined),
    everyMs: 0,
  });
  return said;
};

describe('what the screen says of the health', () => {
  it('is why the platform does not serve, and that it does again, once each', async () => {
    const disk = notReady('disk');
    expect(await saidAbout(ready, disk, disk, disk, ready, ready, ready)).toEqual([
      'the platform is not ready: disk: x',
      'the platform is ready again',
    ]);
  });

  it('is nothing of what passes at once, or of a platform that is being started again', async () =>
    expect(await saidAbout(ready, notReady('nats'), ready, ready, away, away, ready, ready)).toEqual([]));

  it('tells of each other reason', async () => {
    const [disk, log] = [notReady('disk'), notReady('disk', 'log store')];
    expect(await saidAbout(disk, disk, log, log)).toEqual([
      'the platform is not ready: disk: x',
      'the platform is not ready: disk: x; log store: x',
    ]);
  });

  it('tells a look that fails once, until one goes well', async () => {
    const stop = new AbortController();
    const said: string[] = [];
    const looks = ['gone', 'gone', 'gone', '', 'gone'];
    await watchHealth({
      signal: stop.signal,
      ask: () => Promise.resolve(ready),
      say: (line) => said.push(line),
      onLook: () => {
        const trouble = looks.shift() ?? '';
        if (looks.length === 0) stop.abort();
        return trouble === '' ? Promise.resolve() : Promise.reject(new Error(trouble));
      },
      everyMs: 0,
    });
    expect(said).toEqual(['warning: gone', 'warning: gone']);
  });
});
