import type { LiveInstance } from '@fornax/contracts';
import type { InstanceUse } from '@fornax/drivers';

/** What a live message tells of the use of one instance. */
export type Gauges = Pick<
  LiveInstance,
  'cpuUsage' | 'memoryMB' | 'networkInKbps' | 'networkOutKbps' | 'executionMs' | 'ghzSeconds'
>;

const nothing: Gauges = {
  cpuUsage: 0,
  memoryMB: 0,
  networkInKbps: 0,
  networkOutKbps: 0,
  executionMs: 0,
  ghzSeconds: 0,
};
const MIN_INTERVAL_MS = 50;
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
/** Counters may fall back a little: a process that ended unwaited for takes its time with it. */
const grown = (now: number | undefined, before: number | undefined): number => Math.max(0, (now ?? 0) - (before ?? 0));

/**
 * Makes rates out of what an instance has used so far. Times are given in, milliseconds of one clock.
 *
 *   idle -> running  begin()
 *   running -> over  end(); the last gauges stay
 */
export class InstanceMeter {
  #begunAt: number | undefined;
  #endedAt: number | undefined;
  #at = 0;
  #use: InstanceUse = {};
  #ghzSeconds = 0;
  #gauges = nothing;

  /** @param cores that the instance has; what it uses is a share of them */
  constructor(private readonly cores: number) {}

  begin(at: number): void {
    this.#begunAt = at;
    this.#at = at;
  }

  /** Takes a measurement. One that comes too soon after another is left out: its rates would be noise. */
  measured(use: InstanceUse, ghz: number, at: number): void {
    const passedMs = at - this.#at;
    if (this.#begunAt === undefined || this.#endedAt !== undefined || passedMs < MIN_INTERVAL_MS) return;
    const cpuMs = grown(use.cpuMs, this.#use.cpuMs);
    this.#advance(ghz, at);
    this.#gauges = {
      ...this.#gauges,
      cpuUsage: rounded(Math.min(100, (100 * cpuMs) / (passedMs * Math.max(this.cores, 0.01)))),
      memoryMB: rounded(use.memoryMB ?? 0),
      // Bits in a millisecond are kilobits in a second.
      networkInKbps: rounded((8 * grown(use.receivedBytes, this.#use.receivedBytes)) / passedMs),
      networkOutKbps: rounded((8 * grown(use.sentBytes, this.#use.sentBytes)) / passedMs),
    };
    this.#use = use;
  }

  /** The command is over. */
  end(ghz: number, at: number): void {
    if (this.#begunAt === undefined || this.#endedAt !== undefined) return;
    this.#advance(ghz, at);
    this.#endedAt = at;
    this.#gauges = { ...this.#gauges, cpuUsage: 0, memoryMB: 0, networkInKbps: 0, networkOutKbps: 0 };
  }

  gauges(at: number): Gauges {
    if (this.#begunAt === undefined) return nothing;
    const executionMs = Math.max(0, Math.round((this.#endedAt ?? at) - this.#begunAt));
    return { ...this.#gauges, executionMs, ghzSeconds: rounded(this.#ghzSeconds) };
  }

  /** Frequency over the time that the command ran; undefined when it did not. */
  get averageGHz(): number | undefined {
    if (this.#begunAt === undefined) return undefined;
    const ranMs = this.#at - this.#begunAt;
    return ranMs > 0 ? rounded((1_000 * this.#ghzSeconds) / ranMs) : undefined;
  }

  #advance(ghz: number, at: number): void {
    this.#ghzSeconds += (ghz * Math.max(0, at - this.#at)) / 1_000;
    this.#at = Math.max(this.#at, at);
  }
}
