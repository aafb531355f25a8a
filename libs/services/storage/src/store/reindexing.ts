import { Inject, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { ObjectsReindex } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import type { LocalObjectStore } from '@fornax/object-store';
import { EVENT_LOG, LOGGER } from '@fornax/service-kit';
import { Unavailable } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { madeBuckets } from '../buckets/bucket-catalog.js';
import type { ServiceLogger } from '../config/tokens.js';
import { PLATFORM_AREAS } from '../model/bucket-names.js';
import { StorageReads } from '../reading/storage-reads.js';
import { placeStagedResults } from './staged-results.js';

const TELL_MS = 2_000;

/** Makes the index of local objects again from the files, once the buckets are known from the log. */
@Injectable()
export class Reindexing {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    private readonly reads: StorageReads,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {}

  /** @throws Unavailable the process stops */
  async run(store: LocalObjectStore, forgetMissing: boolean, signal: AbortSignal): Promise<ObjectsReindex> {
    await this.#catchUp(signal);
    await store.createBuckets([...(await madeBuckets(this.db)), ...PLATFORM_AREAS]);
    let toldAt = performance.now();
    const report = await store.reindex({
      forgetMissing,
      onProgress: (progress) => {
        if (signal.aborted) throw new Unavailable('The process stops');
        if (performance.now() - toldAt < TELL_MS) return;
        toldAt = performance.now();
        this.logger.info({ ...progress }, 'rebuilding the index of objects, folder by folder of 256');
      },
      settle: () => placeStagedResults(store, this.log),
    });
    this.logger.info({ ...report }, 'the index of objects was rebuilt from the files');
    if (report.setAside > 0)
      this.logger.warn(
        { setAside: report.setAside },
        'files of no object lie in "set-aside" now; parts of uploads that were not completed are among them: such uploads must begin anew',
      );
    return report;
  }

  /** Objects of buckets that the log does not know do not come back; and what the log deletes is deleted before, not afterwards. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { sequence } = await this.log.head();
    while (!(await this.reads.waitFor(sequence))) if (signal.aborted) throw new Unavailable('The process stops');
  }
}
