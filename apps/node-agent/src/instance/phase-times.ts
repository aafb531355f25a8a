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
  readonly #spent = new Map<LivePhase, number>();

  get phase(): LivePhase {
    return this.#phase;
  }

  /** What has passed was a wait for its turn, and belongs to no phase. */
  begin(): void {
    this.#since = performance.now();
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
