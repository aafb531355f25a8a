import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { ObjectsReindex } from '@fornax/contracts';
import { LocalObjectStore, type ObjectStore } from '@fornax/object-store';
import { HealthRegistry, LOGGER, type Trouble } from '@fornax/service-kit';
import { Conflict } from '@fornax/base';
import { OBJECT_STORE, type ServiceLogger } from '../config/tokens.js';
import { Reindexing } from './reindexing.js';

const LOOK_MS = 2_000;

const BRING_BACK = 'that is noticed by itself';
/** Out of what a person has to decide. */
const WAYS_OUT = {
  gone: [
    `Bring the folder back (mount its disk, or put it where it was): ${BRING_BACK}`,
    'Where its files are lost for good, go on without its objects: fornax storage reindex --forget-missing',
  ],
  older: [
    `Put the newest copy of the folder in its place: ${BRING_BACK}`,
    'Go on with this one: fornax storage reindex, which names objects whose files are missing. Reading those fails until they are stored again, or given up ' +
      'with fornax storage reindex --forget-missing',
  ],
} as const;

/**
 * Watches that the files of objects and their index in Postgres belong together. An index that knows less than the files (Postgres lost, or an older
 * copy of it) is made again by itself, once the buckets are known from the log; a folder that is gone is said until it is back. Meanwhile the S3
 * endpoint serves nothing, and readiness names the reason.
 */
@Injectable()
export class StoreWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #store: LocalObjectStore | undefined;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<ObjectsReindex> | undefined;
  #told: string | undefined;

  constructor(
    @Inject(OBJECT_STORE) store: ObjectStore,
    private readonly reindexing: Reindexing,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
    health: HealthRegistry,
  ) {
    this.#store = store instanceof LocalObjectStore ? store : undefined;
    health.readiness('objects', () => this.#whyNotReady());
  }

  onApplicationBootstrap(): void {
    if (!this.#store) return;
    void this.#look(this.#store);
    this.#timer = setInterval(() => void (this.#store && this.#look(this.#store)), LOOK_MS);
    this.#timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#timer);
    await this.#running?.catch(() => undefined);
  }

  /** Why no object may be stored or served now; for operators, it names folders. */
  trouble(): string | undefined {
    if (this.#running && this.#store?.trouble() === undefined) return 'the index of objects is being rebuilt';
    return this.#store?.trouble();
  }

  /** The same, with the ways out of what does not mend itself. */
  #whyNotReady(): string | Trouble | undefined {
    const reason = this.trouble();
    if (reason === undefined) return undefined;
    if (this.#running) return { reason, isWorkedOn: true };
    const kind = this.#store?.folderTrouble();
    return kind === undefined ? reason : { reason, ways: WAYS_OUT[kind] };
  }

  async #look(store: LocalObjectStore): Promise<void> {
    try {
      const trouble = await store.look();
      if (trouble !== this.#told && trouble !== undefined && !this.#running)
        this.logger.error({ reason: trouble }, 'objects are not served');
      if (trouble === undefined && this.#told !== undefined) this.logger.info({}, 'objects are served again');
      this.#told = trouble;
      if (store.needsReindex() && !this.#running && !this.#stop.signal.aborted) await this.reindex();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.logger.error({ err: error }, 'the object store cannot be looked after');
    }
  }

  /**
   * Makes the index of objects again from the files; one at a time, who asks meanwhile gets the same report.
   * @throws Conflict objects are on an S3 service, or their folder is gone and nothing is to be forgotten
   */
  async reindex(forgetMissing = false): Promise<ObjectsReindex> {
    const store = this.#store;
    if (!store)
      throw new Conflict('Objects are kept by an S3 service, which has an index of its own', {
        code: 'no-local-objects',
      });
    const trouble = await store.look();
    if (trouble !== undefined && store.folderTrouble() === 'gone' && !this.#running && !forgetMissing)
      throw new Conflict(
        `${trouble}. Bring it back, which is noticed by itself; or give its objects up: fornax storage reindex --forget-missing`,
        { code: 'objects-folder-gone' },
      );
    this.#running ??= this.reindexing.run(store, forgetMissing, this.#stop.signal).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}
