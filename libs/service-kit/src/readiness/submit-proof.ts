import type { MonotonicClock } from '@fornax/base';
import type { Acknowledged } from '../core/log-store.js';

export interface SubmitProofParts {
  /** The last commit of this process that was stored; undefined while nothing was, and since something has failed. */
  readonly lastAcknowledged: () => Acknowledged | undefined;
  /** Nothing is to be written at present, which is said elsewhere. */
  readonly isStopped: () => boolean;
  /** Writes to the log. @returns the sequence */
  readonly probe: () => Promise<number>;
  /** Names of the read models that answer for what is written. */
  readonly projections: readonly string[];
  /** @returns whether the rows of the projection hold what the log holds up to the sequence, before the time is over */
  readonly waitFor: (projection: string, sequence: number, timeoutMs: number) => Promise<boolean>;
  /** How far the projection has come. */
  readonly positionOf: (projection: string) => number;
  readonly clock: MonotonicClock;
  /** How old an acknowledged commit may be and still prove that the log is written. */
  readonly maxAgeMs: number;
}

/** Together less than a check of readiness may take (2 s). */
const WRITE_MS = 1_000;
const READ_MS = 700;
const LOOK_MS = 100;
/** Under load the rows are behind a little all the time; further behind than this they stand still. */
const BEHIND_MS = 10_000;

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/**
 * Whether a submit would work: a commit of this process was stored lately, and what was stored is in the rows that are read (ADR 0030).
 *
 *   unproven  nothing was stored yet, or not for `maxAgeMs`, or something has failed since: whoever asks has a probe written
 *   written   a probe is stored, and has to come back through every projection before anybody is told "ready"
 *   proven    until it is too old; commits of others' requests prove the same, so nobody writes a probe while there is traffic
 *
 * Nobody asks, nothing is written; however many ask at once, one probe is.
 */
export class SubmitProof {
  private probing: Promise<string | undefined> | undefined;
  /** A probe that was not seen in the rows yet. */
  private unread: number | undefined;
  /** By projection that was behind: what it had to reach, and since when it was asked to. */
  private readonly owed = new Map<string, { readonly sequence: number; readonly sinceMs: number }>();

  constructor(private readonly parts: SubmitProofParts) {}

  /** @returns undefined when a submit would work; else why it would not, for people */
  async whyNot(): Promise<string | undefined> {
    if (this.parts.isStopped()) return undefined;
    if (this.isUnproven()) {
      const failure = await this.probed();
      if (failure !== undefined) return failure;
    }
    return this.whyNotRead();
  }

  private isUnproven(): boolean {
    const { lastAcknowledged, clock, maxAgeMs } = this.parts;
    const last = lastAcknowledged();
    return last === undefined || clock.elapsed() - last.atMs > maxAgeMs;
  }

  private async probed(): Promise<string | undefined> {
    this.probing ??= this.write().finally(() => (this.probing = undefined));
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(
      () => resolve(`write: the event log has not taken a probe within ${seconds(WRITE_MS)}`),
      WRITE_MS,
    );
    try {
      return await Promise.race([this.probing, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async write(): Promise<string | undefined> {
    try {
      this.unread = await this.parts.probe();
      return undefined;
    } catch (error) {
      return `write: the event log did not take a probe: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  private async whyNotRead(): Promise<string | undefined> {
    const { lastAcknowledged, projections } = this.parts;
    const last = lastAcknowledged();
    // Something has failed since: the next who asks has it tried.
    if (last === undefined) return 'write: the event log did not take, or answer for, the last commit';
    const probe = this.unread;
    const texts = await Promise.all(projections.map((name) => this.whyBehind(name, last, probe)));
    const behind = texts.filter((text) => text !== undefined);
    if (behind.length > 0) return `read: ${behind.join('; ')}`;
    if (this.unread === probe) this.unread = undefined;
    return undefined;
  }

  private async whyBehind(name: string, last: Acknowledged, probe: number | undefined): Promise<string | undefined> {
    const { waitFor, positionOf, clock } = this.parts;
    if (probe !== undefined && !(await waitFor(name, probe, READ_MS)))
      return `projection ${name} has not come to the probe, ${probe} in the log: it is at ${positionOf(name)}`;
    if (await waitFor(name, last.sequence, LOOK_MS)) {
      this.owed.delete(name);
      return undefined;
    }
    const now = clock.elapsed();
    const owed = this.owed.get(name);
    const isMoving = owed !== undefined && positionOf(name) >= owed.sequence;
    // A read model that moves is only busy; one that nobody looked at before is behind for as long as the last commit is old.
    const current =
      owed === undefined || isMoving ? { sequence: last.sequence, sinceMs: isMoving ? now : last.atMs } : owed;
    this.owed.set(name, current);
    const behindMs = now - current.sinceMs;
    if (behindMs <= BEHIND_MS) return undefined;
    return `projection ${name} has not come to ${current.sequence} in the log for ${seconds(behindMs)}: it is at ${positionOf(name)}`;
  }
}
