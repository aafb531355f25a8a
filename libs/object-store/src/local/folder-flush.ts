import { randomBytes, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Gathered } from '@fornax/base';

/** So many files in turn get their names in one folder, so that those that are written together can be flushed together. */
const FILES_IN_TURN = 32;

/** Names for files, and flushes of the folders that the names stand in: one for all files that were named there before it began. */
export class FolderFlush {
  readonly #flushes = new Map<string, Gathered<void, void>>();
  #folder = '';
  #left = 0;

  /** @param isDurable false only where the data may be lost, as in tests */
  constructor(
    private readonly pathOf: (folder: string) => string,
    private readonly isDurable: boolean,
  ) {}

  /** A random UUID; its first byte is the folder. */
  newFileId(): string {
    if (this.#left === 0) [this.#folder, this.#left] = [randomBytes(1).toString('hex'), FILES_IN_TURN];
    this.#left -= 1;
    return `${this.#folder}${randomUUID().slice(2)}`;
  }

  /** Makes a file's name survive a power cut; its content is the writer's concern. */
  async flush(fileId: string): Promise<void> {
    if (!this.isDurable) return;
    const folder = fileId.slice(0, 2);
    let asked = this.#flushes.get(folder);
    if (!asked) this.#flushes.set(folder, (asked = this.#flushesOf(folder)));
    await asked.ask();
  }

  #flushesOf(folder: string): Gathered<void, void> {
    return new Gathered<void, void>(
      async (askers) => {
        // Opened anew: the folder may have been another one when the process started (a disk that was mounted again).
        const opened = await open(this.pathOf(folder), 'r');
        try {
          await opened.sync();
        } finally {
          await opened.close();
        }
        return askers;
      },
      { most: Infinity },
    );
  }
}
