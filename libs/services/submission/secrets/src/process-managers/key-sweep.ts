import { Inject, Injectable } from '@nestjs/common';
import type { DueLook, Logger, MonotonicClock } from '@fornax/base';
import { LOGGER, MONOTONIC_CLOCK, WriteStops } from '@fornax/service-kit';
import { DueObjects } from '@fornax/tasks';
import { UnnamedKeys } from '../commands/unnamed-keys.js';

/** Much longer than any request lasts, also one whose process was held up. */
const SAFE_AGE_MS = 24 * 3_600_000;
/** A key is looked at twice, so far apart: a clock of the database that is set makes none old. */
const BETWEEN_LOOKS_MS = 15 * 60_000;
const EACH_MS = 3_600_000;
const MOST_AT_ONCE = 200;

/** Destroys data keys that a process left behind when it died, from the start on and each hour (ADR 0133). */
@Injectable()
export class KeySweep {
  /** When each was found first, by the monotonic clock. */
  private found = new Map<string, number>();

  constructor(
    private readonly keys: UnnamedKeys,
    private readonly stops: WriteStops,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(DueObjects) due: Pick<DueObjects, 'whenWoken'>,
  ) {
    due.whenWoken({
      look: () => this.look(),
      failed: 'data keys that no event names could not be looked for, trying again',
    });
  }

  /** Safe to repeat, and to do from several processes. */
  async look(): Promise<DueLook> {
    // A log that something is wrong with says nothing for certain.
    if (this.stops.list().length > 0) return { isUpToDate: true, nextInMs: BETWEEN_LOOKS_MS };
    const now = this.monotonic.elapsed();
    const candidates = await this.keys.olderThan(SAFE_AGE_MS, MOST_AT_ONCE);
    const since = (keyId: string): number => this.found.get(keyId) ?? now;
    this.found = new Map(candidates.map(({ keyId }) => [keyId, since(keyId)]));
    const destroyed = await this.keys.destroy(candidates.filter(({ keyId }) => now - since(keyId) >= BETWEEN_LOOKS_MS));
    if (destroyed > 0) this.logger.info({ keys: destroyed }, 'destroyed data keys that no event names');
    return { isUpToDate: true, nextInMs: candidates.length > 0 ? BETWEEN_LOOKS_MS : EACH_MS };
  }
}
