import { type CopySize, sizeOfCopies } from './copied-root.js';
import type { Level, RootChanges } from './level.js';

/** A root that is ready: whether instances may change it, each for itself, and which folders. */
export interface SharedRoot {
  readonly folders: readonly string[];
  readonly changes: RootChanges | undefined;
  /** Of what an instance has of it from its start on: nothing, but for copies. */
  readonly copies: CopySize;
}

const NOTHING: CopySize = { bytes: 0, files: 0 };
/** What instances that see the machine's files have of a root. */
export const NO_ROOT: SharedRoot = { folders: [], changes: undefined, copies: NOTHING };

/** Makes ready each root that instances have in the place of the machine's files once, whoever asks for it first. */
export class SharedRoots {
  readonly #open = new Map<string, Promise<SharedRoot>>();

  /**
   * @param ways how instances may change it, the best one first  @param tries finds out, once, whether an instance that changes it so can be started
   * @throws Error this level shows the machine's files alone, or cannot show these
   */
  async open(
    { name, openRoot }: Pick<Level, 'name' | 'openRoot'>,
    root: string,
    ways: readonly RootChanges[],
    tries: (shared: Pick<SharedRoot, 'folders' | 'changes'>) => Promise<boolean>,
  ): Promise<SharedRoot> {
    if (!openRoot) throw new Error(`an image is not run here: at level ${name} instances see the files of the machine`);
    const begin = async (): Promise<SharedRoot> => {
      const folders = await openRoot(root);
      for (const changes of ways) {
        const copies = changes === 'copies' ? await sizeOfCopies(root, folders) : NOTHING;
        if (copies && (await tries({ folders, changes }))) return { folders, changes, copies };
      }
      return { folders, changes: undefined, copies: NOTHING };
    };
    const opening = this.#open.get(root) ?? begin();
    this.#open.set(root, opening);
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(root);
      throw error;
    }
  }

  /** Lets go of it; one that was never made ready is let be. */
  async close({ closeRoot }: Pick<Level, 'closeRoot'>, root: string): Promise<void> {
    const opening = this.#open.get(root);
    this.#open.delete(root);
    await opening?.then(
      () => closeRoot?.(root),
      () => undefined,
    );
  }
}
