import type { RunningPlatform } from '@fornax/testing/platform';
import { residentOf, withPeakMemory } from './memory.js';
import type { Figure } from './report.js';
import { payloadOf, S3Load, type S3Server } from './s3-load.js';

const MIB = 1024 * 1024;
const SIZE_BYTES = 5 * 1024 * MIB;
const PART_BYTES = 64 * MIB;

/** The memory that the platform takes more than before while one large object comes in one piece, in parts, and goes. */
export const s3Memory = async (
  server: S3Server,
  platform: RunningPlatform,
  scale: number,
  say: (text: string) => void,
): Promise<readonly Figure[]> => {
  const parts = Math.max(4, Math.round((SIZE_BYTES / PART_BYTES) * scale));
  const sizeMiB = (parts * PART_BYTES) / MIB;
  const block = Buffer.alloc(PART_BYTES, 'fornax');
  const load = new S3Load(server, 'bench-memory', 2);
  try {
    await load.open();
    // What the first requests of a process take anyway is none of a large object's.
    const part = payloadOf(block);
    await load.put('first', part);
    await load.get('first');
    const before = await residentOf(platform);
    const more = async (what: string, work: () => Promise<unknown>): Promise<Figure> => {
      say(`${what} of ${sizeMiB} MiB`);
      const { peakMiB } = await withPeakMemory(platform, work);
      return { name: `S3, ${what} of ${sizeMiB} MiB: memory more than before`, value: peakMiB - before, unit: 'MiB' };
    };
    const put = await more('put', () => load.putRepeated('whole', block, parts));
    await load.delete('whole');
    const inParts = await more('upload in parts', () => load.putInParts('parts', part, parts));
    const get = await more('get', async () => {
      const bytes = await load.get('parts');
      if (bytes !== parts * PART_BYTES) throw new Error(`the object has ${bytes} bytes`);
    });
    return [put, inParts, get];
  } finally {
    load.close();
  }
};
