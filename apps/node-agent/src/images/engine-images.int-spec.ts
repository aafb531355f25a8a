import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { EngineImage } from '@fornax/drivers';
import { eventually } from '@fornax/testing';
import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { EngineImages } from './engine-images.js';
import type { WantedImage } from './image-pull.js';

let registry: TestRegistry;
let folder = '';
beforeAll(async () => {
  registry = await startTestRegistry();
  folder = await mkdtemp(join(tmpdir(), 'fornax-engine-images-'));
  const layers = [await layerOf(await busyboxEntries('kept'))];
  for (const tag of ['one', 'two'])
    await pushImage(registry, { repository: `team/${tag}`, tag: 'v1' }, layers, { Env: [tag] });
}, 60_000);
afterAll(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

const unasked = (): Promise<never> => Promise.reject(new Error('nobody looks into images here'));

/** An engine whose answers come when the test says so. */
const held = () => {
  const here = new Map<string, EngineImage>();
  const removals: { readonly name: string; readonly answer: () => void }[] = [];
  const engine: Parameters<typeof EngineImages.open>[0] = {
    ...{ create: unasked, remove: unasked, withLabel: unasked, look: unasked, archive: unasked, state: unasked },
    image: (name) => Promise.resolve(here.get(name)),
    pull: (name) => {
      here.set(name, { id: name, config: {}, volumes: [], sizeBytes: 6_000_000 });
      return Promise.resolve();
    },
    removeImage: (name) =>
      new Promise((resolve) => {
        removals.push({
          name,
          answer: () => {
            here.delete(name);
            resolve(true);
          },
        });
      }),
  };
  return { engine, here, removals };
};
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

it('takes no image that is just let go, and lets none go that is taken', async () => {
  const { engine, here, removals } = held();
  const options = { mostBytes: 10_000_000, pullMs: 10_000, silenceMs: 5_000, file: join(folder, 'images.json') };
  const images = await EngineImages.open(engine, { ...options, onError: () => undefined });
  const wanted = (repository: string): WantedImage => ({
    name: { registry: registry.url, repository, reference: 'v1' },
    login: undefined,
  });
  const waiter = { signal: new AbortController().signal, onMoved: () => undefined };
  const first = await images.use(wanted('team/one'), waiter);
  first.release();
  await turns();
  const both = [await images.use(wanted('team/two'), waiter)];
  // It writes down first what it knows.
  await eventually(() => removals.length > 0);
  expect(removals.map(({ name }) => name.includes('team/one'))).toEqual([true]);
  let isHere = false;
  const again = images.use(wanted('team/one'), waiter).then((image) => {
    isHere = true;
    both.push(image);
  });
  await turns();
  expect(isHere).toBe(false);
  removals[0]?.answer();
  await again;
  await turns();
  expect([removals.length, here.size, images.bytes]).toEqual([1, 2, 12_000_000]);
  for (const image of both) image.release();
});
