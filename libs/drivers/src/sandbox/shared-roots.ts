import type { Level } from './level.js';

/** A root that is ready: whether instances may change it, each for itself, and which folders. */
export interface SharedRoot {
  readonly folders: readonly string[];
  readonly mayChange: boolean;
}

/** Makes ready each root that instances have in the place of the machine's files once, whoever asks for it first. */
export class SharedRoots {
  readonly #open = new Map<string, Promise<SharedRoot>>();

  /**
   * @param tries finds out, once, whether an instance that may change it can be started
   * @throws Error this level shows the machine's files alone, or cannot show these
   */
  async open(
    { name, openRoot }: Pick<Level, 'name' | 'openRoot'>,
    root: string,
    tries: () => Promise<boolean>,
  ): Promise<SharedRoot> {
    if (!openRoot) throw new Error(`an image is not run here: at level ${name} instances see the files of the machine`);
    const begin = async (): Promise<SharedRoot> => {
      const folders = await openRoot(root);
      return { folders, mayChange: await tries() };
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
