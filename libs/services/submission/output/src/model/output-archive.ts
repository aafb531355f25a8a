import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Unavailable, type Clock } from '@fornax/base';
import { S3Client, S3Connection } from '@fornax/s3';
import { CLOCK, CORE_CONFIG, type CoreConfig } from '@fornax/service-kit';
import { signServiceClaims } from '@fornax/identity';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';

/** Name of the area on the wire (see the storage service). */
const AREA = 'fornax-output';
const TOKEN_LIFE_MS = 5 * 60_000;
const TIMEOUT_MS = 30_000;

/** Output in object storage: the platform's own area there, which no user sees and no quota counts. */
@Injectable()
export class OutputArchive implements OnApplicationShutdown {
  private readonly connection: S3Connection | undefined;

  constructor(
    @Inject(OUTPUT_CONFIG) config: OutputConfig,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const endpoint = config.storageUrl ?? core.publicStorageUrl;
    if (endpoint !== undefined) this.connection = new S3Connection({ endpoint, now: () => clock.now() });
  }

  /** False when no address of the storage is set: then nothing is archived. */
  get isThere(): boolean {
    return this.connection !== undefined;
  }

  /** Replaces what is there under the key. @throws Unavailable */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.asking((s3, options) => s3.putObject(AREA, key, bytes, options));
  }

  /** `length` bytes from `start`, or to the end. @throws Unavailable */
  async get(key: string, start: number, length?: number): Promise<Buffer> {
    const bytes = await this.asking((s3, { signal }) =>
      s3.getBytes(AREA, key, { start, ...(length === undefined ? {} : { length }), signal }),
    );
    if (length !== undefined && bytes.length !== length) throw new Unavailable('Stored output is not complete.');
    return bytes;
  }

  /** A missing object is no error. @throws Unavailable */
  async delete(key: string): Promise<void> {
    await this.asking((s3, options) => s3.deleteObject(AREA, key, options));
  }

  onApplicationShutdown(): void {
    this.connection?.close();
  }

  /** With a token for this one request. */
  private async asking<T>(ask: (s3: S3Client, options: { readonly signal: AbortSignal }) => Promise<T>): Promise<T> {
    try {
      if (!this.connection) throw new Error('no address of the storage is set');
      const now = this.clock.now();
      const claims = { service: 'submission', area: 'output' as const, expiresAt: now + TOKEN_LIFE_MS };
      const s3 = new S3Client({ ...signServiceClaims(this.core.masterKey, claims), connection: this.connection });
      return await ask(s3, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw new Unavailable('Stored output cannot be reached now. Please try again.', { cause });
    }
  }
}
