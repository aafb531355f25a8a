/** Tells whoever asked for it that a connection to PostgreSQL broke. A crash of the server breaks all of its connections before it takes new ones. */
class BrokenConnections {
  readonly #listeners = new Set<() => void>();

  /** Tells all who listen. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Listens from now on. @returns what ends it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** Those of all pools of this process. */
export const brokenConnections = new BrokenConnections();
