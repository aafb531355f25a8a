import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { startPlatform } from '@fornax/testing/platform';
import { busyboxEntries, type LayerEntry, layerOf } from '@fornax/testing/layers';
import { type PushedLayer, pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { LoadClient, success } from './api.js';
import type { Figure } from './report.js';
import { percentile } from './statistics.js';

const run = promisify(execFile);
const MIB = 1_048_576;
const LAYERS = 10;
const FILES = 64;
/** Images of the same layers, which a node has packed by then. */
const ROUNDS = 3;

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

const inImage = (repository: string, tag = 'latest'): object => ({
  profile: 'docker-batch',
  constants: [
    { key: 'DOCKER_REPO', value: repository },
    { key: 'DOCKER_TAG', value: tag },
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

/** @returns its layers, as they were pushed */
const pushLarge = async (registry: TestRegistry, mebibytes: number): Promise<readonly PushedLayer[]> => {
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
  for (let at = 0; at < ROUNDS; at += 1)
    await pushImage(registry, { repository: 'bench/large', tag: `again-${at}` }, layers, { Labels: { at: `${at}` } });
  return layers;
};

/** Seconds that some work takes in a folder, which then goes. */
const secondsIn = async (work: (folder: string) => Promise<unknown>, ready?: (folder: string) => Promise<unknown>) => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-floor-'));
  try {
    await ready?.(folder);
    const begun = performance.now();
    await work(folder);
    return (performance.now() - begun) / 1_000;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Seconds that a plain write of as many bytes takes, in as many files. @param isForced whether they are on the disk then; those of images are not */
const writeFloor = (mebibytes: number, isForced: boolean): Promise<number> => {
  const content = contentOf(Math.floor((mebibytes * MIB) / LAYERS / FILES));
  return secondsIn(async (folder) => {
    for (let at = 0; at < LAYERS * FILES; at += 1) {
      const file = await open(join(folder, String(at)), 'wx');
      await file.writeFile(content);
      if (isForced) await file.sync();
      await file.close();
    }
  });
};

const flush = (folder: string): Promise<unknown> => run('sync', ['-f', folder]);

/** Seconds that a plain write of as many bytes in as many files takes, and that they take then to come to the disk. */
const diskSeconds = (mebibytes: number): Promise<number> => {
  const content = contentOf(Math.floor((mebibytes * MIB) / LAYERS / FILES));
  return secondsIn(async (folder) => {
    for (let at = 0; at < LAYERS * FILES; at += 1) await writeFile(join(folder, String(at)), content, { flag: 'wx' });
    await flush(folder);
  }, flush);
};

/**
 * How fast an image is unpacked whose packed layers the node has, beside the disk: in turns, the median of each.
 * No bytes come from a registry, which is asked for each layer whether the task may have it; what is measured begins with that and ends before the command runs.
 */
const unpackedOf = async (client: LoadClient, mebibytes: number, dataDir: string): Promise<readonly Figure[]> => {
  const [disk, unpacked, flushed]: [number[], number[], number[]] = [[], [], []];
  for (let at = 0; at < ROUNDS; at += 1) {
    disk.push(await diskSeconds(mebibytes));
    await flush(dataDir);
    const seconds = (await untilCommand(client, inImage('bench/large', `again-${at}`))) / 1_000;
    const begun = performance.now();
    await flush(dataDir);
    unpacked.push(seconds);
    flushed.push(seconds + (performance.now() - begun) / 1_000);
  }
  const speed = (seconds: readonly number[]): number => mebibytes / percentile(seconds, 0.5);
  const large = `image of ${mebibytes} MiB and ${LAYERS} layers that the node has packed`;
  const floor = { floor: speed(disk), floorName: 'MiB/s in as many files, written and flushed' };
  return [
    { name: `${large}: unpacked`, value: speed(unpacked), unit: 'MiB/s', ...floor },
    { name: `${large}: unpacked, and flushed after that`, value: speed(flushed), unit: 'MiB/s', ...floor },
  ];
};

/** Seconds that the machine's own programs take to check and to unpack the layers, one after the other: without a registry, and without what an image needs beside. */
const unpackFloor = (layers: readonly PushedLayer[]): Promise<number> => {
  const packed = (folder: string, at: number): string => join(folder, `${at}.tgz`);
  return secondsIn(
    async (folder) => {
      for (const at of layers.keys()) {
        await run('sha256sum', [packed(folder, at)]);
        await run('tar', ['-xzf', packed(folder, at), '-C', folder]);
      }
    },
    (folder) => Promise.all(layers.map(({ bytes }, at) => writeFile(packed(folder, at), bytes))),
  );
};

/** Seconds that `podman pull` of the same image takes; undefined: this machine has no Podman. What the machine's own Podman has stays as it is. */
const podmanPull = async ({ url }: TestRegistry, say: (text: string) => void): Promise<number | undefined> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-peer-'));
  const storage = join(folder, 'root');
  const own = ['--root', storage, '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')];
  const podman = (...args: readonly string[]) => run('podman', [...own, ...args]);
  try {
    await podman('info');
    const begun = performance.now();
    await podman('pull', '--quiet', '--tls-verify=false', `${new URL(url).host}/bench/large:latest`);
    return (performance.now() - begun) / 1_000;
  } catch (error) {
    say(`images: not compared with Podman: ${(error as Error).message.slice(0, 200)}`);
    return undefined;
  } finally {
    // It lays its storage over itself.
    await run('umount', [join(storage, 'overlay')]).catch(() => undefined);
    await rm(folder, { recursive: true, force: true }).catch(({ message }: Error) => say(`images: ${message}`));
  }
};

/** A platform whose node pulls from a registry. @param env of it beside that */
const onPlatform = async <T>(
  registry: TestRegistry,
  env: Readonly<Record<string, string>>,
  measure: (client: LoadClient, dataDir: string) => Promise<T>,
): Promise<T> => {
  const images = { FORNAX_IMAGES: 'registry', FORNAX_NODE_IMAGE_REGISTRIES: registry.url };
  const platform = await startPlatform({ env: { FORNAX_LOG_LEVEL: 'warn', ...images, ...env } });
  const client = new LoadClient(platform, 2);
  try {
    return await measure(client, platform.dataDir);
  } finally {
    client.close();
    await platform.stop();
  }
};

/** Starts of a plain command and of one in an image that is there, in turns. */
const startsOf = async (client: LoadClient, starts: number, what: string): Promise<readonly Figure[]> => {
  const [plain, image]: [number[], number[]] = [[], []];
  for (let at = -2; at < starts; at += 1) {
    const without = await untilCommand(client, PLAIN);
    const within = await untilCommand(client, inImage('bench/small'));
    if (at < 0) continue;
    plain.push(without);
    image.push(within);
  }
  return [0.5, 0.95].map((part) => ({
    name: `${what}, p${part * 100}`,
    value: percentile(image, part),
    unit: 'ms',
    floor: percentile(plain, part),
    floorName: 'ms without',
  }));
};

const pulledOf = async (
  client: LoadClient,
  mebibytes: number,
  layers: readonly PushedLayer[],
  podmanSeconds: number | undefined,
): Promise<readonly Figure[]> => {
  const written = await writeFloor(mebibytes, false);
  const forced = await writeFloor(mebibytes, true);
  const unpacked = await unpackFloor(layers);
  const pulled = (await untilCommand(client, inImage('bench/large'))) / 1_000;
  const large = `image of ${mebibytes} MiB and ${LAYERS} layers`;
  return [
    {
      name: `${large}, pulled and unpacked`,
      value: mebibytes / pulled,
      unit: 'MiB/s',
      floor: mebibytes / unpacked,
      floorName: 'MiB/s by sha256sum and tar xzf, layer by layer',
    },
    ...(podmanSeconds === undefined
      ? []
      : [
          {
            name: `${large}, pulled and unpacked, beside Podman`,
            value: mebibytes / pulled,
            unit: 'MiB/s',
            floor: mebibytes / podmanSeconds,
            floorName: 'MiB/s by podman pull',
          },
        ]),
    {
      name: `${large}: as many bytes in as many files, forced to the disk`,
      value: mebibytes / forced,
      unit: 'MiB/s',
      floor: mebibytes / written,
      floorName: 'MiB/s written plainly',
    },
  ];
};

/** What an image adds to the start of a command on a node that has it, and how fast a large one comes to one that has not. */
export const measureImages = async (
  starts: number,
  mebibytes: number,
  say: (text: string) => void,
): Promise<readonly Figure[]> => {
  const registry = await startTestRegistry();
  try {
    const small = await layerOf(await busyboxEntries('small'));
    await pushImage(registry, { repository: 'bench/small', tag: 'latest' }, [small]);
    const layers = await pushLarge(registry, mebibytes);
    const ready = await onPlatform(registry, {}, (client) =>
      startsOf(client, starts, 'start in an image, with sandboxes that are ready'),
    );
    const podmanSeconds = await podmanPull(registry, say);
    // None is ready: what is compared is making one.
    const made = await onPlatform(registry, { FORNAX_NODE_SANDBOXES_READY: '0' }, async (client, dataDir) => [
      ...(await startsOf(client, starts, 'start in an image that is there')),
      ...(await pulledOf(client, mebibytes, layers, podmanSeconds)),
      ...(await unpackedOf(client, mebibytes, dataDir)),
    ]);
    return [...ready, ...made];
  } finally {
    await registry.stop();
  }
};
