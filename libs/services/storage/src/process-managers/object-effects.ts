import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { RecurringTrouble, backoffMs, delay } from '@fornax/base';
import { HealthRegistry, LOGGER, ProjectionHost, type Trouble } from '@fornax/service-kit';
import type { ServiceLogger } from '../config/tokens.js';
import { EffectBell } from '../effects/effect-bell.js';
import { BUCKETS_PROJECTION } from '../projections/buckets.projection.js';
import { EffectDrain, type DrainTellers } from './effect-drain.js';

/** How long the transaction that noted effects may take to be committed. */
const COMMIT_MS = 2_000;
/** While another process is at it: it may have looked for the last time before ours were committed. */
const ELSEWHERE_MS = 200;
/** Looks without being woken: for what a process that is gone has left. */
const IDLE_MS = 10_000;
const BACKOFF = { firstMs: 200, longestMs: 10_000 } as const;
/** How long an effect in hand may take to end when the process stops; it is carried out again then. */
const STOP_GRACE_MS = 4_000;

const WAYS = [
  'Mend what the reason names, mostly at the object service: effects are tried again by themselves, at the latest after half a minute',
  'Give up one about results that can never be done: fornax storage effects --give-up <id>, which is in the list of fornax storage effects',
] as const;

/**
 * Carries out what the log says about objects, beside the projection: buckets are made and emptied, results of leases published or dropped. Woken when
 * the projection has noted effects; tries again, later and later, when the store fails.
 */
@Injectable()
export class ObjectEffects implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #tellers: DrainTellers;
  readonly #trouble: RecurringTrouble;
  #running: Promise<void> = Promise.resolve();
  #failures = 0;
  #reason: string | undefined;

  constructor(
    private readonly drain: EffectDrain,
    private readonly bell: EffectBell,
    private readonly projections: ProjectionHost,
    health: HealthRegistry,
    @Inject(LOGGER) logger: ServiceLogger,
  ) {
    this.#tellers = {
      done: () => bell.done.tell(),
      failed: ({ kind, scope, sequence, failures }, error) =>
        logger.warn(
          { err: error, kind, scope, sequence, failures: failures + 1 },
          'an effect on objects failed and is tried again; what follows it on the same bucket or task waits',
        ),
    };
    this.#trouble = new RecurringTrouble({
      failed: (error, more) => logger.error({ err: error, more }, 'effects on objects cannot be carried out'),
      over: (more) => logger.info({ more }, 'effects on objects are carried out again'),
    });
    health.part('object effects', () => this.#whyLate());
  }

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#running, delay(STOP_GRACE_MS, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const seen = this.bell.rings;
      try {
        const timeoutMs = await this.#round(signal);
        await this.bell.after(seen, { timeoutMs, signal });
      } catch (error) {
        if (signal.aborted) return;
        this.#failures += 1;
        this.#reason = error instanceof Error ? error.message : String(error);
        this.#trouble.failed(error);
        await this.#pause(signal);
      }
    }
  }

  /** Between two tries while the store is in trouble. Whoever waits for an effect asks for the next one: nobody is kept waiting once the store is well. */
  async #pause(signal: AbortSignal): Promise<void> {
    const seen = this.bell.rings;
    await delay(BACKOFF.firstMs, signal);
    await this.bell.after(seen, { timeoutMs: backoffMs(this.#failures, BACKOFF), signal });
  }

  /** @returns when to look again, in milliseconds */
  async #round(signal: AbortSignal): Promise<number> {
    const { sequence } = this.bell;
    if (sequence > 0) await this.projections.waitFor(BUCKETS_PROJECTION, sequence, COMMIT_MS);
    const { isElsewhere, againInMs = IDLE_MS } = await this.drain.run(signal, this.#tellers);
    this.#failures = 0;
    this.#reason = undefined;
    this.#trouble.succeeded();
    return isElsewhere ? ELSEWHERE_MS : Math.min(againInMs, IDLE_MS);
  }

  async #whyLate(): Promise<Trouble | undefined> {
    if (this.#reason !== undefined)
      return { reason: `effects on objects cannot be carried out: ${this.#reason}`, ways: WAYS };
    const failing = await this.drain.failing();
    if (failing === undefined) return undefined;
    const { count, kind, scope, failures, reason } = failing;
    return {
      reason: `${count} effects on objects fail again and again; the oldest (${kind}, ${scope}) failed ${failures} times: ${reason}`,
      ways: WAYS,
    };
  }
}
