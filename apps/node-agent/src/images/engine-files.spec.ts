import { Readable } from 'node:stream';

import { EngineRefused } from '@fornax/drivers';
import { describe, expect, it } from '@jest/globals';

import { EngineLooks, type LookingEngine } from './engine-files.js';
import { LayerRefused } from './tree-path.js';

const SIGNAL = new AbortController().signal;

/** An engine that has containers, and says of files what the test says. */
const engineWith = (told: Partial<LookingEngine>) => {
  const here = new Set<string>();
  let made = 0;
  const engine: LookingEngine = {
    create: (name) => {
      here.add(name);
      made += 1;
      return Promise.resolve(name);
    },
    remove: (name) => Promise.resolve(here.delete(name)),
    withLabel: () => Promise.resolve([]),
    look: () => Promise.resolve(undefined),
    archive: () => Promise.resolve(Readable.from([])),
    state: (id) => Promise.resolve(here.has(id) ? { isRunning: false, pid: 0, wasOutOfMemory: false } : undefined),
    ...told,
  };
  return { here, made: () => made, looks: new EngineLooks(engine, 'tests') };
};
const refused =
  (status: number, why = 'it says why') =>
  () =>
    Promise.reject(new EngineRefused(status, why));

describe('what an engine does not show of an image', () => {
  it.each([
    ['that has no such file is nothing', undefined, undefined],
    ['is the image’s fault where the engine refuses it', 400, LayerRefused],
    ['is the engine’s where that has trouble of its own', 500, EngineRefused],
  ])('%s', async (_, status, kind) => {
    const { looks, here, made } = engineWith(status === undefined ? {} : { look: refused(status) });
    const end = await looks
      .into('image', ({ read }) => read('/etc/passwd', 1_000), SIGNAL)
      .catch((error: unknown) => error);
    if (kind) expect(end).toBeInstanceOf(kind);
    else expect(end).toBeUndefined();
    expect([made(), here.size]).toEqual([1, 0]);
  });

  it('of a home is the engine’s trouble, too, and no home where it is not there', async () => {
    const home = (told: Partial<LookingEngine>) =>
      engineWith(told).looks.into('image', ({ hasFolder }) => hasFolder('/home/me'), SIGNAL);
    expect(await home({})).toBe(false);
    expect(await home({ look: refused(403) })).toBe(false);
    // Why it has failed is said where it is to give that, not where it is looked at.
    expect(await home({ look: refused(500), archive: refused(500, 'stat: too many levels of symbolic links') })).toBe(
      false,
    );
    await expect(home({ look: refused(500) })).rejects.toBeInstanceOf(EngineRefused);
  });

  it.each([
    ['and answers that nothing is there', (): Promise<undefined> => Promise.resolve(undefined)],
    ['and refuses', refused(409)],
  ])('is asked once more where somebody removes the container meanwhile %s', async (_, answer) => {
    let asked = 0;
    const given = engineWith({
      look: (id, path) => {
        asked += 1;
        if (asked > 1) return Promise.resolve({ path, isFolder: true, sizeBytes: 0 });
        given.here.delete(id);
        return answer();
      },
    });
    expect(await given.looks.into('image', ({ hasFolder }) => hasFolder('/home/me'), SIGNAL)).toBe(true);
    expect([given.made(), given.here.size]).toEqual([2, 0]);
    // Where that goes on, it is not said of the image.
    const always = engineWith({ state: () => Promise.resolve(undefined) });
    const work = always.looks.into('image', ({ read }) => read('/etc/passwd', 1_000), SIGNAL);
    await expect(work).rejects.toThrow(/somebody removes the containers/);
    expect(always.made()).toBe(2);
  });

  it('is not waited for by who is gone, and what comes to be all the same is removed', async () => {
    const ending = new AbortController();
    const removed: string[] = [];
    const { looks } = engineWith({
      create: (_, __, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
          ending.abort(new Error('gone'));
        }),
      remove: (name) => {
        removed.push(name);
        return new Promise(() => undefined);
      },
    });
    await expect(looks.into('image', () => Promise.resolve(1), ending.signal)).rejects.toThrow('gone');
    expect(removed).toHaveLength(1);
  });
});
