import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ContainerDriver, Engine } from '@fornax/drivers';
import { notTried, startTestEngine, type TestEngine } from '@fornax/testing/engine';
import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { afterAll, describe, expect, it } from '@jest/globals';

import { TaskImages } from '../instance/task-images.js';
import { aLeaseOrder } from '../node/agent.fixture.js';
import { AgentRig } from '../node/agent-rig.fixture.js';
import { EngineImages } from './engine-images.js';
import { RegistryAway } from './registry-away.js';

const MB = 1_000_000;
const BOUNDS = { mostBytes: 100 * MB, pullMs: 60_000, silenceMs: 5_000, onError: () => undefined };

interface Given {
  readonly registry: TestRegistry;
  readonly engine: TestEngine;
  readonly client: Engine;
}
const begin = async (): Promise<Given | undefined> => {
  const registry = await startTestRegistry();
  try {
    // Of the engine alone: what it keeps lies on a disk of a few megabytes.
    const engine = await startTestEngine([registry.url], { storageBytes: 8 * MB });
    return { registry, engine, client: new Engine(engine.socket) };
  } catch (error) {
    await registry.stop();
    notTried(error);
    return undefined;
  }
};
const given = await begin();
const here = given ? it : it.skip;
afterAll(async () => {
  await given?.engine.stop();
  await given?.registry.stop();
});

describe('an engine', () => {
  here(
    'whose disk is full while it pulls is the platform’s fault, said once to all who come, and pulls what has room',
    async () => {
      if (!given) return;
      const { registry, client } = given;
      const large = await layerOf([...(await busyboxEntries('large')), [{ name: 'app/large' }, randomBytes(12 * MB)]]);
      await pushImage(registry, { repository: 'team/large', tag: 'v1' }, [large]);
      const small = await layerOf(await busyboxEntries('small'));
      await pushImage(registry, { repository: 'team/small', tag: 'v1' }, [small]);
      const folder = await mkdtemp(join(tmpdir(), 'fornax-full-'));
      const images = await EngineImages.open(client, { ...BOUNDS, file: join(folder, 'images.json') });
      const waiter = { signal: new AbortController().signal, onMoved: () => undefined };
      const use = (repository: string) =>
        images.use({ name: { registry: registry.url, repository, reference: 'v1' }, login: undefined }, waiter);
      const ends = await Promise.allSettled([use('team/large'), use('team/large')]);
      const asked = (await registry.given()).length;
      ends.push(...(await Promise.allSettled([use('team/large'), use('team/large')])));
      for (const end of ends) {
        const error: unknown = end.status === 'rejected' ? end.reason : undefined;
        expect(error).toBeInstanceOf(RegistryAway);
        expect(String(error)).toMatch(/could not pull the image .*team\/large:v1: .*no space left on device/);
      }
      expect(await registry.given()).toHaveLength(asked);
      const found = await use('team/small');
      expect(await client.image(found.image ?? '')).toMatchObject({ id: found.image });
      found.release();
      // It writes down which images it has, for which nobody waits.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
    120_000,
  );

  here(
    'that has lost an image between the preparation and the start of an instance fails that one as the platform, and the next one has it',
    async () => {
      if (!given) return;
      const { registry, client } = given;
      const layer = await layerOf(await busyboxEntries('lost'));
      await pushImage(registry, { repository: 'team/lost', tag: 'v1' }, [layer]);
      const rig = await AgentRig.open();
      let losses = 0;
      rig.driver = (workDir) => {
        const driver = new ContainerDriver({ workDir, engine: client });
        const prepare = driver.prepare.bind(driver);
        driver.prepare = async (spec) => {
          const prepared = await prepare(spec);
          // The driver's own trial is none of these.
          if (spec.labels?.['task'] === 'lost-1' && (losses += 1) === 1)
            expect(await client.removeImage(spec.image ?? '')).toBe(true);
          return prepared;
        };
        return driver;
      };
      rig.images = async (folder) =>
        new TaskImages(await EngineImages.open(client, { ...BOUNDS, file: `${folder}.json` }), [registry.url]);
      await rig.startAgent();
      const constants = { DOCKER_CMD: 'echo back', DOCKER_REPO: 'team/lost', DOCKER_TAG: 'v1', DOCKER_USER: '' };
      const pairs = Object.entries(constants).map(([key, value]) => ({ key, value }));
      try {
        await rig.platform.order(aLeaseOrder('lost-1', '', { taskId: 'lost-1', constants: pairs }));
        expect(await rig.ended('lost-1', 60_000)).toMatchObject({
          outcome: 'failure',
          cause: 'platform',
          error: { code: 'FX-NODE', message: expect.stringContaining('does not have the image') },
        });
        await rig.platform.order(aLeaseOrder('lost-2', '', { taskId: 'lost-2', constants: pairs }));
        expect(await rig.ended('lost-2', 60_000)).toMatchObject({ outcome: 'success' });
        expect(losses).toBe(1);
      } finally {
        await rig.closeAgent();
        await rig.close();
      }
    },
    120_000,
  );
});
