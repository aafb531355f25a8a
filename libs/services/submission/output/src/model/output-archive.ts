import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Unavailable, type Clock } from '@fornax/base';
import { CLOCK, CORE_CONFIG, ServiceArea, type CoreConfig, masterKeyOf } from '@fornax/service-kit';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';

/** Output in object storage: the platform's own area there, which no user sees and no quota counts. */
@Injectable()
export class OutputArchive implements OnApplicationShutdown {
  private readonly area: ServiceArea;

  constructor(
    @Inject(OUTPUT_CONFIG) config: OutputConfig,
    @Inject(CORE_CONFIG) core: CoreConfig,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.area = new ServiceArea({
      endpoint: config.storageUrl ?? core.publicStorageUrl,
      service: 'submission',
      area: 'output',
      masterKey: masterKeyOf(core),
      clock,
      outage: 'Stored output cannot be reached now. Please try again.',
    });
  }

  /** False when no address of the storage is set: then nothing is archived. */
  get isThere(): boolean {
    return this.area.isThere;
  }

  /** Replaces what is there under the key. @throws Unavailable */
  put(key: string, bytes: Uint8Array): Promise<void> {
    return this.area.put(key, bytes);
  }

  /** `length` bytes from `start`, or to the end. @throws Unavailable */
  async get(key: string, start: number, length?: number): Promise<Buffer> {
    const bytes = await this.area.get(key, start, length);
    if (length !== undefined && bytes.length !== length) throw new Unavailable('Stored output is not complete.');
    return bytes;
  }

  /** A missing object is no error. @throws Unavailable */
  delete(key: string): Promise<void> {
    return this.area.delete(key);
  }

  onApplicationShutdown(): void {
    this.area.close();
  }
}
