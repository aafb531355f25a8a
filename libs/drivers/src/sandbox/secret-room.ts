import type { SecretFile } from '../driver/driver.js';

/** What memory is given out in; each file and folder has something besides. */
const PAGE_BYTES = 4_096;
const ENTRY_BYTES = 1_024;

/** What files take of the memory that they lie in, with the folders that they need. */
export const roomOf = (files: readonly SecretFile[]): number => {
  const folders = new Set<string>();
  let pages = 0;
  for (const { path, content } of files) {
    pages += Math.ceil(content.byteLength / PAGE_BYTES);
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1))
      folders.add(path.slice(0, slash));
  }
  return pages * PAGE_BYTES + (files.length + folders.size) * ENTRY_BYTES;
};

interface Waiting {
  readonly id: string;
  readonly bytes: number;
  readonly enter: () => void;
}

/** The memory of a node for secrets, which nobody is charged for: all of its instances share it. Who comes first is first. */
export class SecretRoom {
  readonly #taken = new Map<string, number>();
  readonly #waiting: Waiting[] = [];

  constructor(readonly mostBytes: number) {}

  get usedBytes(): number {
    return this.#taken.values().reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Takes room for an instance, in the place of what it had; waits while others have it.
   * @throws Error it is more than there is at all; the signal's reason, once that aborts
   */
  async take(id: string, bytes: number, signal?: AbortSignal): Promise<void> {
    if (bytes > this.mostBytes)
      throw new Error(
        `its secrets take ${bytes} bytes of memory, and this node has ${this.mostBytes} for those of all instances`,
      );
    signal?.throwIfAborted();
    // What it has it keeps until it has the other.
    if (this.#taken.has(id) && this.#fits({ id, bytes })) {
      this.#taken.set(id, bytes);
      return this.#letIn();
    }
    const enters = new Promise<void>((resolve, reject) => {
      const waiting = {
        id,
        bytes,
        enter: () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason as Error);
        this.#letIn();
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiting);
    });
    this.#letIn();
    await enters;
  }

  give(id: string): void {
    this.#taken.delete(id);
    this.#letIn();
  }

  #fits({ id, bytes }: Pick<Waiting, 'id' | 'bytes'>): boolean {
    return this.usedBytes - (this.#taken.get(id) ?? 0) + bytes <= this.mostBytes;
  }

  #letIn(): void {
    for (let [first] = this.#waiting; first && this.#fits(first); [first] = this.#waiting) {
      this.#waiting.shift();
      this.#taken.set(first.id, first.bytes);
      first.enter();
    }
  }
}
