import { Injectable } from '@nestjs/common';
import { Changes, type Patience } from '@fornax/base';

/** Wakes who carries out effects when some were noted, and who waits for effects when some were carried out; within one process. */
@Injectable()
export class EffectBell {
  /** Effects were carried out. */
  readonly done = new Changes();
  readonly #noted = new Changes();
  #rings = 0;
  #sequence = 0;

  /** The last commit whose effects were noted. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How often it rang. */
  get rings(): number {
    return this.#rings;
  }

  /** There may be something to do. @param sequence of effects that were noted in a transaction that is about to be committed */
  ring(sequence = 0): void {
    this.#sequence = Math.max(this.#sequence, sequence);
    this.#rings += 1;
    this.#noted.tell();
  }

  /** Waits until it has rung more often than `seen`, or the patience is over. */
  async after(seen: number, patience: Patience): Promise<void> {
    if (this.#rings === seen) await this.#noted.next(patience);
  }
}
