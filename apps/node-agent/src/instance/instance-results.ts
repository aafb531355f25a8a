import { inSpan } from '@fornax/base';
import { type LeaseOrder, type LiveInstance, MOST_WAITING_CHARS } from '@fornax/contracts';

import type { PathFilter } from '../files/path-filter.js';
import { type InstanceRights, patienceOf } from './instance-inputs.js';
import type { InstanceWorld } from './instance-world.js';
import { type Uploaded, NO_FILES } from './results.js';
import { type EndedJob, type ResultsPlace, storeResults } from './store-results.js';

/** What one instance leaves behind, and the wait until storage has it. */
export class InstanceResults {
  /** Why they are not stored yet. */
  #waiting: string | undefined;

  constructor(
    private readonly world: Pick<InstanceWorld, 'patienceMs'>,
    private readonly order: Pick<LeaseOrder, 'taskId' | 'instance' | 'attempt' | 'results'>,
    private readonly rights: InstanceRights,
  ) {}

  get whyWaiting(): Pick<LiveInstance, 'waiting'> {
    return this.#waiting === undefined ? {} : { waiting: this.#waiting.slice(0, MOST_WAITING_CHARS).toWellFormed() };
  }

  /** Stores what the filter lets through. Never rejects, as `storeResults`; an order without results has none. */
  async store(job: Omit<EndedJob, 'of'>, filter: PathFilter): Promise<Uploaded> {
    const { results } = this.order;
    if (!results) return NO_FILES;
    const onWaiting = (reason: string | undefined): void => void (this.#waiting = reason);
    return inSpan('upload', {}, () =>
      storeResults(() => this.#place(), { ...job, of: this.order }, filter, {
        bucket: results.bucket,
        signal: this.rights.signal,
        patience: { onWaiting, ...patienceOf(this.world) },
      }),
    );
  }

  /** Where results go, which is where they may be written now; the grant says where that is another folder than the order's. */
  async #place(): Promise<ResultsPlace> {
    const { grant, storage } = this.rights;
    const { resultsFolder } = await grant.get();
    const prefix = resultsFolder ?? this.order.results?.prefix ?? null;
    return { s3: await storage(), prefix, isOwn: resultsFolder !== undefined };
  }
}
