import { createHash } from 'node:crypto';

/** A text is prepared once it has come this often: a query that is built for one request does not stay in every session. */
const USES_BEFORE = 3;
/** Of texts that are prepared, and of those that are only counted. A prepared one takes some 20 KB of each session that ran it. */
const MOST = 256;

/** Columns that a migration may add would change what a prepared statement returns, which PostgreSQL refuses. */
const RETURNS_ANYTHING = /^\s*SELECT\s+(?:\w+\.)?\*|\bRETURNING\s+\*/i;
/** How many of the rows in question a page must pass differs from owner to owner and from filter to filter: planned for its own values each time. */
const IS_PAGE = /\bLIMIT\s+\$/i;

/**
 * Decides which statements are prepared, and names them. Parsing and planning is more than half of what a short statement costs PostgreSQL
 * (ADR 0055). Names are the same in every process of a release, and stand for one text.
 */
export class PreparedNames {
  private readonly counted = new Map<string, number>();
  private readonly named = new Map<string, string>();

  /** The name of a statement with parameters; undefined when it is to be planned for itself. */
  of(text: string): string | undefined {
    const name = this.named.get(text);
    if (name !== undefined) return name;
    if (this.named.size >= MOST || RETURNS_ANYTHING.test(text) || IS_PAGE.test(text)) return undefined;
    const uses = (this.counted.get(text) ?? 0) + 1;
    this.counted.delete(text);
    if (uses < USES_BEFORE) {
      this.counted.set(text, uses);
      const [oldest] = this.counted.keys();
      if (this.counted.size > MOST && oldest !== undefined) this.counted.delete(oldest);
      return undefined;
    }
    return this.rename(text, 0);
  }

  /** Gives a text another name: sessions that prepared the former one hold something that cannot be used any more. */
  renew(text: string): void {
    const name = this.named.get(text);
    if (name !== undefined) this.rename(text, Number(name.split('.')[1]) + 1);
  }

  private rename(text: string, generation: number): string {
    const name = `${createHash('sha256').update(text).digest('base64url').slice(0, 24)}.${generation}`;
    this.named.set(text, name);
    return name;
  }
}
