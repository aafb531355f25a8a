import { UserError } from '../failure/user-error.js';
import { type Circumstances, overfillText } from './outcome-of.js';

/** Whether an instance was ended for what its files take, and why. */
export class DiskExcess {
  /** Bytes of its files when they took the node's last room. */
  #overfill: number | undefined;
  /** Why it was ended when its files were more than one instance may have. */
  #exceeded: string | undefined;

  /** Its files took the last room of the node, which is the platform's failure. @returns what ends it */
  overfill(bytes: number): Error {
    this.#overfill = bytes;
    return new Error(overfillText(bytes));
  }

  /** Its files are more than one instance may have. @returns what ends it */
  exceed(why: string): UserError {
    this.#exceeded = why;
    return new UserError('FX-DISK-LIMIT', why, 'limit');
  }

  get isExceeded(): boolean {
    return this.#exceeded !== undefined;
  }

  get hasOccurred(): boolean {
    return this.isExceeded || this.#overfill !== undefined;
  }

  /** Code of a failure of the platform on its way. */
  get code(): 'FX-NODE' | 'FX-DISK-FULL' {
    return this.#overfill === undefined ? 'FX-NODE' : 'FX-DISK-FULL';
  }

  get circumstances(): Pick<Circumstances, 'overfill' | 'exceeded'> {
    return {
      ...(this.#overfill === undefined ? {} : { overfill: overfillText(this.#overfill) }),
      ...(this.#exceeded === undefined ? {} : { exceeded: this.#exceeded }),
    };
  }

  /** @throws what ended it */
  throwIfAny(): void {
    if (this.#exceeded !== undefined) throw this.exceed(this.#exceeded);
    if (this.#overfill !== undefined) throw this.overfill(this.#overfill);
  }
}
