import type { Level } from './level.js';

/** Makes ready each root that instances have in the place of the machine's files once, whoever asks for it first. */
export class SharedRoots {
  readonly #open = new Map<string, Promise<void>>();

  /** @throws Error this level shows the machine's files alone, or cannot show these */
  async open({ name, openRoot }: Pick<Level, 'name' | 'openRoot'>, root: string): Promise<void> {
    if (!openRoot) throw new Error(`an image is not run here: at level ${name} instances see the files of the machine`);
    const opening = this.#open.get(root) ?? openRoot(root);
    this.#open.set(root, opening);
    try {
      await opening;
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
