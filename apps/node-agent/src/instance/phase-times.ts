import type { LivePhase, NodeReport } from '@fornax/contracts';

type Ended = Extract<NodeReport, { kind: 'ended' }>;

/**
 * Where an instance is, and how long it was in the phases before and after its command.
 *
 *   environment -> download -> environment -> execution -> shutdown -> upload; each may be left out, and its time is then told as 0
 */
export class PhaseTimes {
  #phase: LivePhase = 'environment';
  #since = performance.now();
  #started: { readonly startedAt: number; readonly elapsed: number } | undefined;
  readonly #spent = new Map<LivePhase, number>();

  get phase(): LivePhase {
    return this.#phase;
  }

  /** What has passed was a wait for its turn, and belongs to no phase. */
  begin(): void {
    this.#since = performance.now();
  }

  /** Its command has begun. @param startedAt by the wall clock, as the driver saw it */
  start(startedAt: number): void {
    this.#started = { startedAt, elapsed: performance.now() };
    this.enter('execution');
  }

  /** When its command began; undefined before. */
  get startedAt(): number | undefined {
    return this.#started?.startedAt;
  }

  /** When it failed; of a command that had started, as that start and what has passed since, like the end of any other. */
  ofFailure(): Pick<Ended, 'startedAt' | 'endedAt'> {
    if (!this.#started) return { endedAt: Date.now() };
    const { startedAt, elapsed } = this.#started;
    return { startedAt, endedAt: startedAt + Math.round(performance.now() - elapsed) };
  }

  enter(phase: LivePhase): void {
    const now = performance.now();
    this.#spent.set(this.#phase, this.#spentIn(this.#phase) + now - this.#since);
    this.#phase = phase;
    this.#since = now;
  }

  /** Times for the report of the end; of phases that the instance came to. */
  report(): Pick<Ended, 'downloadMs' | 'environmentMs' | 'uploadMs'> {
    this.enter(this.#phase);
    return {
      downloadMs: Math.round(this.#spentIn('download')),
      environmentMs: Math.round(this.#spentIn('environment')),
      uploadMs: Math.round(this.#spentIn('upload')),
    };
  }

  #spentIn(phase: LivePhase): number {
    return this.#spent.get(phase) ?? 0;
  }
}
