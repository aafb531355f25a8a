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
/** Nothing is written because of `disk`, and it does not serve because of these, too; behind a router, of which service. */
const stopped = (service: string, ...others: readonly string[]): Answer => ({
  isReady: false,
  why: [`${service}disk`, ...others].join('; '),
  reasons: [`${service}disk`, ...others].map((name) => ({ name, reason: 'x' })),
  stops: [{ name: 'disk', message: 'Disk full', ways: ['Free some space'] }],
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

  it.each(['', 'submission: '])('is said once of what stops all writing, with the ways out (%s)', async (service) => {
    const [disk, both] = [stopped(service), stopped(service, 'nats')];
    expect(await saidAbout(disk, disk, disk, both, both, disk, disk, ready, ready)).toEqual([
      'NOTHING IS WRITTEN: Disk full. The platform stays up and answers what it can. What to do, one of these:',
      '  (1) Free some space',
      'the platform is not ready: nats: x',
      'the platform is ready again',
    ]);
  });

  it('says what to do about what only a person can end', async () => {
    const ways = ['Bring it back', 'Give it up'];
    const reasons = [{ name: 'objects', reason: 'the folder is gone', ways }];
    const gone: Answer = { isReady: false, why: 'objects', reasons, stops: [] };
    expect(await saidAbout(gone, gone, gone, ready, ready)).toEqual([
      'NOT READY (objects): the folder is gone. What to do, one of these:',
      '  (1) Bring it back',
      '  (2) Give it up',
      'the platform is ready again',
    ]);
  });

  it('says that writing is allowed again when something else still keeps it from serving', async () => {
    const [disk, nats] = [stopped(''), notReady('nats')];
    expect((await saidAbout(disk, disk, nats, nats)).slice(2)).toEqual([
      'writing is allowed again',
      'the platform is not ready: nats: x',
    ]);
  });

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
