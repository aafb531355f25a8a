import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { countedFromZero, observeGauge, type Clock, type NameOf } from '@fornax/base';
import type { FailureCause } from '@fornax/domain';
import { CLOCK } from '@fornax/service-kit';
import { Terms } from './terms.js';
import { fleetReadings, type Reading } from '../metrics/fleet-readings.js';

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

/** Tells the gauges of the queue and of the fleet while this process leads. One walk serves all that are read in one turn. */
@Injectable()
export class FleetMetrics implements BeforeApplicationShutdown {
  private readonly stops: readonly (() => void)[];
  private walked: readonly Reading[] | undefined;

  constructor(
    private readonly terms: Terms,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    countedFromZero(
      'fornax.attempts.requeued',
      CAUSES.map((cause) => ({ cause })),
    );
    this.stops = READ.map((name) =>
      observeGauge(name, (result) => {
        for (const reading of this.readings()) if (reading.name === name) result.observe(reading.value, reading.labels);
      }),
    );
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.stops) stop();
  }

  private readings(): readonly Reading[] {
    const { current } = this.terms;
    if (!current) return [];
    if (this.walked) return this.walked;
    queueMicrotask(() => (this.walked = undefined));
    const facts = { reasonOf: (taskId: string) => current.reasons.of(taskId), now: this.clock.now() };
    return (this.walked = fleetReadings(current.view, facts));
  }
}
