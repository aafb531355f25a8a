import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { countedFromZero, observeGauge, type Clock, type MonotonicClock, type NameOf } from '@fornax/base';
import type { FailureCause } from '@fornax/domain';
import { CLOCK, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { Leadership } from '../leader/leadership.js';
import { Terms } from './terms.js';
import { fleetReadings, TASKS_IN_A_TURN, type Reading } from '../metrics/fleet-readings.js';
import { finished, PacedWalk } from '../metrics/paced-walk.js';

const READ = [
  'fornax.queue.instances',
  'fornax.queue.wait.oldest',
  'fornax.tasks.unfinished',
  'fornax.leases.held',
  'fornax.pool.slots',
  'fornax.nodes',
  'fornax.fleet.cores',
  'fornax.fleet.memory',
] as const satisfies readonly NameOf<'gauge'>[];

/** Of attempts that are taken back (`FailureCause`). */
const CAUSES = ['user', 'platform', 'node-lost', 'preempted', 'limit'] as const satisfies readonly FailureCause[];

/**
 * Tells the gauges of the queue and of the fleet while this process leads. One walk serves all that are read in one turn; where many tasks are unfinished it is
 * not made by the scrape, whose time must not grow with them.
 */
@Injectable()
export class FleetMetrics implements BeforeApplicationShutdown {
  private readonly stops: readonly (() => void)[];
  private walked: readonly Reading[] | undefined;
  private paced: { readonly of: Leadership; readonly walk: PacedWalk<readonly Reading[]> } | undefined;

  constructor(
    private readonly terms: Terms,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
  ) {
    countedFromZero(
      'fornax.attempts.requeued',
      CAUSES.map((cause) => ({ cause })),
    );
    this.stops = READ.map((name) =>
      observeGauge(name, async (result) => {
        for (const reading of await this.readings())
          if (reading.name === name) result.observe(reading.value, reading.labels);
      }),
    );
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.stops) stop();
  }

  private readings(): readonly Reading[] | Promise<readonly Reading[]> {
    const { current } = this.terms;
    if (!current) return [];
    if (current.view.taskCount() > TASKS_IN_A_TURN) return this.pacedOf(current).latest();
    if (this.walked) return this.walked;
    queueMicrotask(() => (this.walked = undefined));
    return (this.walked = finished(this.begin(current)));
  }

  private pacedOf(current: Leadership): PacedWalk<readonly Reading[]> {
    if (this.paced?.of !== current)
      this.paced = {
        of: current,
        walk: new PacedWalk(
          () => this.begin(current),
          () => this.monotonic.elapsed(),
        ),
      };
    return this.paced.walk;
  }

  private begin({ view, reasons }: Leadership): Generator<void, readonly Reading[]> {
    return fleetReadings(view, { reasonOf: (taskId) => reasons.of(taskId), now: this.clock.now() });
  }
}
