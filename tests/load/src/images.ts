import { open, mkdtemp, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPlatform } from '@fornax/testing/platform';
import { busyboxEntries, type LayerEntry, layerOf } from '@fornax/testing/layers';
import { pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { LoadClient, success } from './api.js';
import type { Figure } from './report.js';
import { percentile } from './statistics.js';

const MIB = 1_048_576;
const LAYERS = 10;
const FILES = 64;

interface Attempt {
  readonly downloadMs?: number;
  readonly environmentMs?: number;
}
interface Events {
  readonly events: readonly { readonly type: string; readonly data: { readonly attempts?: readonly Attempt[] } }[];
}

/** Runs a task of one instance. @returns milliseconds that its node took before the command ran */
const untilCommand = async (client: LoadClient, task: object): Promise<number> => {
  const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', {
    name: 'image',
    instanceCount: 1,
    ...task,
  });
  await success(client, uuid);
  const { events } = await client.call<Events>('GET', `/fornax/v1/tasks/${uuid}/events`);
  const [attempt] = events.flatMap((event) => event.data.attempts ?? []);
  if (!attempt) throw new Error('the task has no end');
  return (attempt.downloadMs ?? 0) + (attempt.environmentMs ?? 0);
};

const inImage = (repository: string): object => ({
  profile: 'docker-batch',
  constants: [
    { key: 'DOCKER_REPO', value: repository },
    { key: 'DOCKER_CMD', value: '/bin/busybox true' },
  ],
});
const PLAIN = { profile: 'shell', constants: [{ key: 'SHELL_SCRIPT', value: ':' }] };

/** Half of it is noise: it packs to little more than half, as programs do. */
const contentOf = (bytes: number): Buffer => {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 8_192) randomBytes(4_096).copy(content, at);
  return content;
};

const pushLarge = async (registry: TestRegistry, mebibytes: number): Promise<void> => {
  const bytes = Math.floor((mebibytes * MIB) / LAYERS / FILES);
  const layers = [await layerOf(await busyboxEntries('large'))];
  for (let layer = 0; layer < LAYERS; layer += 1) {
    const content = contentOf(bytes);
    const file = (at: number): LayerEntry => [
      { name: `data/${layer}/${at}` },
      Buffer.concat([content, Buffer.from(`${layer} ${at}`)]),
    ];
    layers.push(await layerOf(Array.from({ length: FILES }, (_, at) => file(at))));
  }
  await pushImage(registry, { repository: 'bench/large', tag: 'latest' }, layers);
};

/** Seconds that a plain write of as many bytes takes, in as many files, and not forced to the disk: as images are. */
const writeFloor = async (mebibytes: number): Promise<number> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-floor-'));
  try {
    const content = contentOf(Math.floor((mebibytes * MIB) / LAYERS / FILES));
    const begun = performance.now();
    for (let at = 0; at < LAYERS * FILES; at += 1) {
      const file = await open(join(folder, String(at)), 'wx');
      await file.writeFile(content);
      await file.close();
    }
    return (performance.now() - begun) / 1_000;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What an image adds to the start of a command on a node that has it, and how fast a large one comes to one that has not. */
export const measureImages = async (starts: number, mebibytes: number): Promise<readonly Figure[]> => {
  const registry = await startTestRegistry();
  try {
    await pushImage(registry, { repository: 'bench/small', tag: 'latest' }, [
      await layerOf(await busyboxEntries('small')),
    ]);
    await pushLarge(registry, mebibytes);
    const platform = await startPlatform({
      env: {
        FORNAX_LOG_LEVEL: 'warn',
        FORNAX_IMAGES: 'registry',
        FORNAX_NODE_IMAGE_REGISTRIES: registry.url,
        // Those that are ready have no image: what is compared is making one.
        FORNAX_NODE_SANDBOXES_READY: '0',
      },
    });
    const client = new LoadClient(platform, 2);
    try {
      const [plain, image]: [number[], number[]] = [[], []];
      for (let at = -2; at < starts; at += 1) {
        const [without, within] = [
          await untilCommand(client, PLAIN),
          await untilCommand(client, inImage('bench/small')),
        ];
        if (at < 0) continue;
        plain.push(without);
        image.push(within);
      }
      const floor = await writeFloor(mebibytes);
      const pulled = (await untilCommand(client, inImage('bench/large'))) / 1_000;
      const own = { floor: percentile(plain, 0.5), floorName: 'ms without' };
      return [
        { name: 'start in an image that is there, p50', value: percentile(image, 0.5), unit: 'ms', ...own },
        { name: 'start in an image that is there, p95', value: percentile(image, 0.95), unit: 'ms' },
        {
          name: `image of ${mebibytes} MiB and ${LAYERS} layers, pulled and unpacked`,
          value: mebibytes / pulled,
          unit: 'MiB/s',
          floor: mebibytes / floor,
          floorName: 'MiB/s written plainly',
        },
      ];
    } finally {
      client.close();
      await platform.stop();
    }
  } finally {
    await registry.stop();
  }
};
