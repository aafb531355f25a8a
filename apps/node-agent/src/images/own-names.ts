import { LayerRefused } from './tree-path.js';

/** Of memory: a million and a half names as images have them. */
const MOST_BYTES = 134_217_728;
/** What a name takes beside its own text. */
const EACH_BYTES = 40;

/** Names that a layer brought, by the folder in which they lie: whoever makes a layer chooses how many and how long, so what is kept of them is bounded. */
export class OwnNames {
  readonly #byFolder = new Map<string, Set<string>>();
  #left: number;

  constructor(mostBytes = MOST_BYTES) {
    this.#left = mostBytes;
  }

  /** @throws LayerRefused they take too much memory */
  add(folder: string, name: string): void {
    let names = this.#byFolder.get(folder);
    if (!names) {
      this.#pay(folder);
      this.#byFolder.set(folder, (names = new Set()));
    }
    if (names.has(name)) return;
    this.#pay(name);
    // A copy: a part of a text keeps the whole of it, here the path.
    names.add(Buffer.from(name).toString());
  }

  has(folder: string, name: string): boolean {
    return this.#byFolder.get(folder)?.has(name) ?? false;
  }

  #pay(text: string): void {
    // Text takes two bytes for a sign where one of them is of another alphabet.
    this.#left -= EACH_BYTES + 2 * text.length;
    if (this.#left < 0) throw new LayerRefused('a layer of it has more names than this node keeps in memory');
  }
}
