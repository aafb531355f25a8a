import { ContainerDriver, Engine } from '@fornax/drivers';
import { notTried, startTestEngine, type TestEngine } from '@fornax/testing/engine';
import { startTestRegistry } from '@fornax/testing/registry';
import { afterAll, describe } from '@jest/globals';

import { EngineImages } from '../images/engine-images.js';
import { ImageStore } from '../images/image-store.js';
import { TaskImages } from '../instance/task-images.js';
import { aLeaseOrder } from './agent.fixture.js';
import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { describeImages, pushRows } from './image-rows.fixture.js';

const BOUNDS = { mostBytes: 100_000_000, pullMs: 60_000, silenceMs: 5_000, onError: () => undefined };

const registry = await startTestRegistry();
await pushRows(registry);

const inSandbox = async (level: Parameters<typeof AgentRig.open>[0]): Promise<AgentRig> => {
  const rig = await AgentRig.open(level);
  rig.images = async (folder, driver) =>
    new TaskImages(await ImageStore.open({ ...BOUNDS, folder, onForget: (tree) => driver.forget(tree) }), [
      registry.url,
    ]);
  await rig.startAgent();
  return rig;
};

let engine: TestEngine | undefined;
const inContainer = async (): Promise<AgentRig | undefined> => {
  try {
    engine = await startTestEngine([registry.url]);
  } catch (error) {
    notTried(error);
    return undefined;
  }
  const client = new Engine(engine.socket);
  const rig = await AgentRig.open();
  rig.driver = (workDir) => new ContainerDriver({ workDir, engine: client });
  rig.images = async (folder) =>
    new TaskImages(await EngineImages.open(client, { ...BOUNDS, file: `${folder}.json` }), [registry.url]);
  await rig.startAgent();
  return rig;
};

const rigs: (readonly [where: string, rig: AgentRig | undefined])[] = [];
for (const level of await levelsHere()) rigs.push([`in a sandbox at level ${level}`, await inSandbox(level)]);
rigs.push(['in a container', await inContainer()]);
afterAll(async () => {
  for (const [, rig] of rigs) {
    await rig?.closeAgent();
    await rig?.close();
  }
  await engine?.stop();
  await registry.stop();
});

let tasks = 0;
describe.each(rigs)('%s', (_, rig) => {
  describeImages(
    rig &&
      (async (command, more) => {
        const taskId = `task-${(tasks += 1)}`;
        const pairs = Object.entries({ DOCKER_CMD: command, ...more }).map(([key, value]) => ({ key, value }));
        await rig.platform.order(aLeaseOrder(taskId, '', { taskId, constants: pairs }));
        const end = await rig.ended(taskId, 60_000);
        return { ...end, out: (await rig.platform.output(taskId, 0, 'stdout')).toString() };
      }),
  );
});
