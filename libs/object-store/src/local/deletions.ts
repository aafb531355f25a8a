import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 'deleted';
const FILE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isMissing = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';

const BATCH = 10_000;
/** A file that was written to lately may be another process's, which still writes to it. */
const OPEN_MS = 60_000;

export interface DeletionsOptions {
  readonly onError: (error: unknown) => void;
  /** Whether a file of the store is there. */
  readonly hasFile: (fileId: string) => Promise<boolean>;
}

/**
 * Names the files of deleted objects in the folder itself, so that an index that is made again from the files does not bring back what was deleted
 * while the collector had not got to it. A line for each file in a list of this process, written before the deletion is answered and never flushed: it
 * survives the end of any process, not a power cut in the same half minute. A name that was noted means its file is garbage for good: names are never used twice.
 */
export class Deletions {
  readonly #folder: string;
  #list: Promise<FileHandle> | undefined;
  /** One at a time, so that lists change between two notes. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    root: string,
    private readonly options: DeletionsOptions,
  ) {
    this.#folder = join(root, FOLDER);
  }

  /** Never rejects: a deletion stands although it could not be noted, and a full disk must not keep anybody from deleting. */
  note(fileIds: readonly string[]): Promise<void> {
    if (fileIds.length === 0) return Promise.resolve();
    return this.#inTurn(async () => {
      const list = await (this.#list ??= this.#open());
      await list.appendFile(fileIds.map((fileId) => `${fileId}\n`).join(''));
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work).catch(async (error: unknown) => {
      this.options.onError(error);
      await this.#end();
    });
    this.#work = done;
    return done;
  }

  async #open(): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    return open(join(this.#folder, randomUUID()), 'ax', 0o600);
  }

  async #end(): Promise<void> {
    const list = this.#list;
    this.#list = undefined;
    await list?.then((file) => file.close()).catch(() => undefined); // it never was, or is closed already
  }

  /** All that is noted, in parts. */
  async *all(): AsyncGenerator<readonly string[]> {
    for (const name of await this.#lists()) yield* this.#read(name);
  }

  async #lists(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch((): string[] => []); // nothing was ever deleted
    return names.filter((name) => FILE_ID.test(name));
  }

  /** A list holds what one process deleted within ten seconds or so. */
  async *#read(name: string): AsyncGenerator<readonly string[]> {
    const text = await readFile(join(this.#folder, name), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return ''; // another process dropped it meanwhile
      throw error;
    });
    // A line may have been cut off by a crash.
    const ids = text.split('\n').filter((line) => FILE_ID.test(line));
    for (let at = 0; at < ids.length; at += BATCH) yield ids.slice(at, at + BATCH);
  }

  /** Begins a new list, and drops those that name nothing any more that is there. */
  async tidy(): Promise<void> {
    await this.#inTurn(() => this.#end());
    for (const name of await this.#lists()) {
      const facts = await stat(join(this.#folder, name)).catch(() => undefined); // another process was faster
      if (facts && Date.now() - facts.mtimeMs >= OPEN_MS && !(await this.#namesFiles(name)))
        await unlink(join(this.#folder, name)).catch(() => undefined);
    }
  }

  async #namesFiles(name: string): Promise<boolean> {
    for await (const ids of this.#read(name))
      for (const fileId of ids) if (await this.options.hasFile(fileId)) return true;
    return false;
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#end());
  }
}
