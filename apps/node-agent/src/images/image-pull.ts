import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { removeTree } from '@fornax/drivers';
import type { z } from 'zod';

import { UserError } from '../failure/user-error.js';
import { ImageLayers, type LayersOptions } from './image-layers.js';
import { configSchema, type ImageSettings, settingsOf } from './image-manifest.js';
import { type ImageName, wordsFor } from './image-name.js';
import type { Held, ImageRoom } from './image-room.js';
import type { Allowance } from './layer-budget.js';
import { PullProgress } from './pull-progress.js';
import { type FoundImage, type Login, Registry } from './registry.js';
import { RegistryAway } from './registry-away.js';
import type { Waiter } from './shared-work.js';
import { entryAt, LayerRefused } from './tree-path.js';

export interface WantedImage {
  readonly name: ImageName;
  readonly login?: Login | undefined;
}

export interface PullBounds {
  /** Bytes of all images that are kept, as they lie there. */
  readonly mostBytes: number;
  /** How long a pull may take. */
  readonly pullMs: number;
  /** Silence of a registry after which a request to it has failed. */
  readonly silenceMs: number;
  /** Origins beside registries that these may lead to although they are not public. */
  readonly sources?: readonly string[];
}

const MOST_FILES = 2_000_000;
/** What a sandbox shows one by one. */
const MOST_AT_TOP = 500;

/**
 * Brings an image into a folder: its files, unpacked, below `tree`.
 * @returns how large it is, and how to run it
 * @throws UserError it is damaged, too large or takes too long to unpack; LayerDamaged; RegistryAway; NoRoom; what the disk says; the signal's reason
 */
export const bringImage = async (
  wanted: WantedImage,
  { manifest }: Pick<FoundImage, 'manifest'>,
  tree: { readonly folder: string; readonly root: string },
  bounds: PullBounds,
  { room, layers, checksKept }: { readonly room: ImageRoom } & Pick<LayersOptions, 'layers' | 'checksKept'>,
  shared: Waiter,
): Promise<{ readonly bytes: number; readonly settings: ImageSettings; readonly held: Held }> => {
  const words = wordsFor(wanted.name);
  const compressed = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  if (compressed > bounds.mostBytes)
    throw new UserError('FX-IMAGE', `The image ${words} is larger than this node keeps of images`, 'limit');
  const { waiter, isLate } = limitedTo(bounds.pullMs, shared);
  let coming: ImageLayers | undefined;
  let held: Held | undefined;
  try {
    held = await room.enter(compressed, waiter);
    const failed = new AbortController();
    const signal = AbortSignal.any([waiter.signal, failed.signal]);
    const until = { ...waiter, signal };
    const registry = new Registry(wanted.name, wanted.login, {
      ...until,
      silenceMs: bounds.silenceMs,
      sources: bounds.sources,
    });
    const config = configIn(await registry.small(manifest.config), words);
    await mkdir(tree.root, { recursive: true, mode: 0o755 });
    const left: Allowance = { bytes: bounds.mostBytes, files: MOST_FILES };
    const all = { bytes: compressed, layers: manifest.layers.length };
    const progress = new PullProgress(words, all, (text) => shared.onProgress?.(text));
    const { registry: from } = wanted.name;
    const onFailure = (error: unknown): void => failed.abort(error);
    const parts = { registry, from, layers, checksKept, held, left, progress, waiter: until, words, onFailure };
    coming = new ImageLayers(tree, parts);
    await coming.bring(manifest.layers, config.rootfs.diff_ids);
    await assertShown(tree.root);
    await addFilesOfSandbox(tree.root);
    return { bytes: bounds.mostBytes - left.bytes, settings: settingsOf(config), held };
  } catch (error) {
    held?.end();
    if (error instanceof LayerRefused)
      throw new UserError('FX-IMAGE', `The image ${words} cannot be unpacked: ${error.message}`);
    if (!isLate()) throw error;
    if (coming?.brokeOff === false)
      throw new UserError('FX-IMAGE', `The image ${words} takes longer than ${bounds.pullMs} ms to unpack`, 'limit');
    throw lateFor(words, bounds);
  }
};

/** Which image a name means now, as who asks may know it. @throws UserError, RegistryAway, the signal's reason */
export const findImage = async (
  { name, login }: WantedImage,
  bounds: PullBounds,
  shared: Waiter,
): Promise<FoundImage> => {
  const { waiter, isLate } = limitedTo(bounds.pullMs, shared);
  try {
    const { silenceMs, sources } = bounds;
    return await new Registry(name, login, { ...waiter, silenceMs, sources }).find();
  } catch (error) {
    throw isLate() ? lateFor(wordsFor(name), bounds) : error;
  }
};

const lateFor = (words: string, { pullMs }: PullBounds): RegistryAway =>
  new RegistryAway(`the image ${words} did not come within ${pullMs} ms`);

/** A waiter who waits for so long only. */
const limitedTo = (ms: number, shared: Waiter): { readonly waiter: Waiter; readonly isLate: () => boolean } => {
  const limit = AbortSignal.timeout(ms);
  const waiter = { ...shared, signal: AbortSignal.any([shared.signal, limit]) };
  return { waiter, isLate: () => limit.aborted && !shared.signal.aborted };
};

const configIn = (bytes: Buffer, words: string): z.output<typeof configSchema> => {
  try {
    return configSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw new UserError('FX-IMAGE', `The image ${words} is damaged: its description cannot be read`);
  }
};

/** @throws LayerRefused a sandbox could not show it */
const assertShown = async (root: string): Promise<void> => {
  const names = await readdir(root);
  if (names.length > MOST_AT_TOP) throw new LayerRefused(`it has more than ${MOST_AT_TOP} names at its top`);
  const odd = names.find((name) => /\p{Cc}/u.test(name));
  if (odd !== undefined)
    throw new LayerRefused(`it has a name at its top that cannot be shown: ${JSON.stringify(odd)}`);
};

/** Files that the sandbox lays others over, where the image has none, or links. */
const addFilesOfSandbox = async (root: string): Promise<void> => {
  const folder = join(root, 'etc');
  // A link would lead whoever makes the sandbox, who follows it with rights of the machine.
  if ((await entryAt(folder))?.isDirectory() !== true) {
    await removeTree(folder);
    await mkdir(folder, { mode: 0o755 });
  }
  for (const [name, text] of [
    ['resolv.conf', ''],
    ['hosts', '127.0.0.1 localhost\n::1 localhost\n'],
  ] as const) {
    const path = join(folder, name);
    if ((await entryAt(path))?.isFile() === true) continue;
    await removeTree(path);
    await writeFile(path, text, { mode: 0o644 });
  }
};
