import type { RecordedCommit } from '@fornax/contracts';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { NodeTokens } from '../enrollment/node-tokens.js';
import { Fleet } from '../fleet/fleet.js';

/** Keeps nodes and their tokens in memory up to the log, in every process. */
@LogFollower()
export class FleetFollower {
  constructor(
    private readonly fleet: Fleet,
    private readonly tokens: NodeTokens,
  ) {}

  @LogHandler({ name: 'node-registry-fleet', aggregates: ['node', 'node-token'], from: 'start' })
  follow(batch: readonly RecordedCommit[]): Promise<void> {
    for (const commit of batch) {
      this.fleet.fold(commit);
      this.tokens.fold(commit);
    }
    return Promise.resolve();
  }
}
