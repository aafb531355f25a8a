import { SegmentDamaged, openSegment, type EncodedSegment, type OpenSegment } from '@fornax/event-store';
import { ObjectUnreadable, StoreRefusal, type ObjectStore } from '@fornax/object-store';
import { LOG_ARCHIVE_BUCKET } from '../model/bucket-names.js';

const PAGE = 1_000;
const ABOUT = { contentType: 'application/octet-stream', userMetadata: {} };

/**
 * Numbers are padded, so that the binary order of keys is their order. There is more than one fork of a number only where the log went back, and on
 * another way: what the archive holds of the first way stays.
 */
export const segmentKey = (epoch: string, number: number, fork: number): string =>
  `${epoch}/${String(number).padStart(10, '0')}.${String(fork).padStart(3, '0')}`;
const KEY = /^(.+)\/(\d{10})\.(\d{3})$/;

export interface StoredSegment {
  readonly key: string;
  readonly number: number;
  readonly fork: number;
}

const parsedKey = (key: string): StoredSegment | undefined => {
  const [, , number, fork] = KEY.exec(key) ?? [];
  return number === undefined ? undefined : { key, number: Number(number), fork: Number(fork) };
};

/** The objects of the archive. They are written once, and neither replaced nor deleted. */
export class ArchiveObjects {
  constructor(private readonly store: ObjectStore) {}

  /** @returns false when there is another object of that name, which stays */
  async put(key: string, { bytes }: EncodedSegment): Promise<boolean> {
    const source = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes;
    };
    try {
      const options = { ...ABOUT, sizeBytes: bytes.length, precondition: 'absent' as const };
      await this.store.put(LOG_ARCHIVE_BUCKET, key, source(), options);
      return true;
    } catch (error) {
      if (error instanceof StoreRefusal && error.problem === 'PreconditionFailed') return false;
      throw error;
    }
  }

  /** Those of a log from a number on, in the order of their numbers, then of their forks. */
  async *from(epoch: string, number: number): AsyncGenerator<StoredSegment> {
    let after: string | undefined = segmentKey(epoch, number - 1, 999);
    while (after !== undefined) {
      const page: Awaited<ReturnType<ObjectStore['list']>> = await this.store.list(LOG_ARCHIVE_BUCKET, {
        prefix: `${epoch}/`,
        after,
        limit: PAGE,
      });
      for (const { key } of page.objects) {
        const parsed = parsedKey(key);
        if (parsed !== undefined) yield parsed;
      }
      after = page.next;
    }
  }

  /** The logs of which there is anything. */
  async epochs(): Promise<readonly string[]> {
    const { prefixes } = await this.store.list(LOG_ARCHIVE_BUCKET, { delimiter: '/', limit: PAGE });
    return prefixes.map((prefix) => prefix.slice(0, -1));
  }

  /**
   * @returns undefined when there is no such object
   * @throws SegmentDamaged its header is not what was archived
   */
  async open(key: string): Promise<(OpenSegment & { readonly sizeBytes: number }) | undefined> {
    const reader = await this.store.get(LOG_ARCHIVE_BUCKET, key, { isReadWhole: true });
    if (reader === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of await reader.read()) chunks.push(chunk as Uint8Array);
    } catch (error) {
      if (!(error instanceof ObjectUnreadable)) throw error;
      // The store has noticed, too, but does not say where: what it gave before does.
      return { ...openPart(Buffer.concat(chunks), error), sizeBytes: reader.info.sizeBytes };
    }
    const bytes = Buffer.concat(chunks);
    return { ...openSegment(bytes), sizeBytes: bytes.length };
  }
}

const openPart = (bytes: Buffer, unreadable: ObjectUnreadable): OpenSegment => {
  const told = (error: unknown): unknown =>
    error instanceof SegmentDamaged
      ? new SegmentDamaged(error.offset, error.sequence, `${error.detail} (${unreadable.message})`, {
          cause: unreadable,
        })
      : error;
  try {
    const segment = openSegment(bytes);
    return {
      header: segment.header,
      async *read() {
        try {
          return yield* segment.read();
        } catch (error) {
          throw told(error);
        }
      },
    };
  } catch {
    throw new SegmentDamaged(bytes.length, undefined, unreadable.message, { cause: unreadable });
  }
};
