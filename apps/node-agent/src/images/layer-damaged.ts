import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

import type { Descriptor } from './image-manifest.js';

/** What lies on this node's disk is not what the registry gave: nothing that the image did. */
export class LayerDamaged extends Error {
  override readonly name = 'LayerDamaged';
}

/** Whether a file has what a part is, byte by byte. One that cannot be read has not. @throws the signal's reason */
export const isWhole = async (file: string, { digest, size }: Descriptor, signal: AbortSignal): Promise<boolean> => {
  const hash = createHash('sha256');
  try {
    if ((await stat(file)).size !== size) return false;
    await pipeline(createReadStream(file), hash, { signal });
  } catch {
    signal.throwIfAborted();
    return false;
  }
  return `sha256:${hash.digest('hex')}` === digest;
};
