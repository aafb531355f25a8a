import type { FolderUsage, KeyPart } from '../port/object-store.js';

/** Counts by the first parts of keys, where the service has no such counts. */
export class FolderCount {
  readonly #found = new Map<string, { objects: number; bytes: number }>();

  /** @param depth how many parts of a key; 0: all are counted together */
  constructor(
    private readonly depth: number,
    private readonly only?: KeyPart,
  ) {}

  add(key: string, sizeBytes: number): void {
    const parts = key.split('/');
    if (this.only && !this.only.values.includes(parts[this.only.part - 1] ?? '')) return;
    const folder = parts.slice(0, this.depth).join('/');
    const sum = this.#found.get(folder) ?? { objects: 0, bytes: 0 };
    sum.objects += 1;
    sum.bytes += sizeBytes;
    this.#found.set(folder, sum);
  }

  found(): readonly FolderUsage[] {
    return [...this.#found].map(([folder, usage]) => ({ folder, ...usage }));
  }
}
