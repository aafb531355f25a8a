import type { Provider } from '@nestjs/common';
import type { JetStreamLog } from '@fornax/event-store';
import type { CoreConfig } from '../config/core-config.js';
import { outsideOfRequests } from '../errors/carried-out.js';
import { ProjectionHost } from '../projections/projection-host.js';
import { newId, type Clock, type MonotonicClock } from '@fornax/base';
import { HealthRegistry } from '../core/health.registry.js';
import { LogStore } from '../core/log-store.js';
import { SubmitProof } from './submit-proof.js';
import { CLOCK, CORE_CONFIG, EVENT_LOG, MONOTONIC_CLOCK } from '../core/tokens.js';
import { WriteStops } from '../core/write-stops.js';

/**
 * The provider for the service that takes commands: its process is ready only while a commit is stored and comes back through the service's
 * projections. The service must have the right to append to the aggregate of probes.
 */
export const provideSubmitProof = (service: string): Provider => ({
  provide: SubmitProof,
  inject: [CORE_CONFIG, EVENT_LOG, LogStore, WriteStops, ProjectionHost, HealthRegistry, CLOCK, MONOTONIC_CLOCK],
  useFactory: (
    { readyProofMs }: CoreConfig,
    log: JetStreamLog,
    store: LogStore,
    stops: WriteStops,
    host: ProjectionHost,
    health: HealthRegistry,
    clock: Clock,
    monotonic: MonotonicClock,
  ): SubmitProof => {
    const probe = (): Promise<number> => {
      const at = clock.now();
      const meta = { actor: `service:${service}` as const, source: service, correlationId: newId(at) };
      return outsideOfRequests(() => log.probe({ id: newId(at), events: [{ type: 'LogProbed', at }], meta, at }));
    };
    const proof = new SubmitProof({
      lastAcknowledged: () => store.lastAcknowledged,
      isStopped: () => stops.list().length > 0,
      probe,
      get projections() {
        // Rows of an older version answer, and stand still, while new ones are folded.
        return host.namesOf(service).filter((name) => !host.isRebuilding(name));
      },
      waitFor: (name, sequence, timeoutMs) => host.waitFor(name, sequence, timeoutMs),
      positionOf: (name) => host.runner(name).position().sequence,
      clock: monotonic,
      maxAgeMs: readyProofMs,
    });
    health.readiness('submit', () => proof.whyNot());
    return proof;
  },
});
