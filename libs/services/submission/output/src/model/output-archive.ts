import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, CORE_CONFIG, signServiceClaims, type CoreConfig } from '@fornax/service-kit';
import { Unavailable, type Clock } from '@fornax/base';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';
import { signedHeaders } from './s3-signature.js';

/** Name of the area on the wire (see the storage service). */
const AREA = 'fornax-output';
const TOKEN_LIFE_MS = 5 * 60_000;
const TIMEOUT_MS = 30_000;

/** Output in object storage: the platform's own area there, which no user sees and no quota counts. */
@Injectable()
export class OutputArchive {
  constructor(
    @Inject(OUTPUT_CONFIG) private readonly config: OutputConfig,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** False when no address of the storage is set: then nothing is archived. */
  get isThere(): boolean {
    return this.base !== undefined;
  }

  /** Replaces what is there under the key. @throws Unavailable */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.send('PUT', key, { body: Uint8Array.from(bytes) });
  }

  /** `length` bytes from `start`, or to the end. @throws Unavailable */
  async get(key: string, start: number, length?: number): Promise<Buffer> {
    const end = length === undefined ? '' : String(start + length - 1);
    const bytes = await this.send('GET', key, { headers: { range: `bytes=${start}-${end}` } });
    if (length !== undefined && bytes.length !== length) throw new Unavailable('Stored output is not complete.');
    return bytes;
  }

  /** A missing object is no error. @throws Unavailable */
  async delete(key: string): Promise<void> {
    await this.send('DELETE', key, {});
  }

  private get base(): string | undefined {
    return this.config.storageUrl ?? this.core.publicStorageUrl;
  }

  private async send(
    method: string,
    key: string,
    { headers, body }: { readonly headers?: Record<string, string>; readonly body?: Uint8Array<ArrayBuffer> },
  ): Promise<Buffer> {
    const url = new URL(`/${AREA}/${key}`, this.base);
    const now = this.clock.now();
    const claims = { service: 'submission', area: 'output' as const, expiresAt: now + TOKEN_LIFE_MS };
    const credentials = signServiceClaims(this.core.masterKey, claims);
    try {
      const response = await fetch(url, {
        method,
        headers: { ...signedHeaders(credentials, method, url, now), ...headers },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      if (response.ok) return bytes;
      throw new Error(`${method} of stored output: HTTP ${response.status} ${bytes.subarray(0, 300).toString()}`);
    } catch (cause) {
      throw new Unavailable('Stored output cannot be reached now. Please try again.', { cause });
    }
  }
}
