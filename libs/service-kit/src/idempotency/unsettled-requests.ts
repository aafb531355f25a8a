import type { DataSource } from 'typeorm';
import { systemMonotonicClock, type MonotonicClock } from '@fornax/base';

/** How long an identical request is taken for the first one: longer than any client goes on by itself, and than most people do. */
export const JOINS_FOR_MINUTES = 15;
const WINDOW_MS = JOINS_FOR_MINUTES * 60_000;
const WINDOW = `interval '${JOINS_FOR_MINUTES} minutes'`;
/** Of more than these only the instants are known. */
const MOST_LEFT = 1_000;
/** No client repeats a request sooner than half a second after its answer. */
const LOOK_EVERY_MS = 250;

/**
 * Requests that got no true answer, because the log took their commit (or not) without saying so. One that comes again without a key goes on
 * under the name of the first: each is joined once. A request whose predecessor was answered finds nothing here, so two that are meant
 * stay two.
 */
export class UnsettledRequests {
  private noneAt = Number.NEGATIVE_INFINITY;
  private looking: Promise<boolean> | undefined;
  /** Names that this process has left, and when by its own clock: of those it knows how old they are, whatever the database's clock is set to. */
  private readonly left = new Map<string, number>();

  /**
   * @param db a database with the table of `UnsettledRequests1790000800000`
   * @param onError told why a request could not be left
   */
  constructor(
    private readonly db: Pick<DataSource, 'query'>,
    private readonly onError: (error: unknown) => void,
    private readonly monotonic: MonotonicClock = systemMonotonicClock,
  ) {}

  /**
   * The oldest name left under a fingerprint, which nobody else gets any more; undefined when there is none.
   * @param fingerprint made only when anything is left at all
   */
  async take(fingerprint: () => string): Promise<string | undefined> {
    if (!(await this.isAnyLeft())) return undefined;
    const [rows] = await this.db.query<[{ name: string }[], number]>(
      `DELETE FROM unsettled_request WHERE (fingerprint, name) IN (
         SELECT fingerprint, name FROM unsettled_request WHERE fingerprint = $1
           AND (name = ANY ($2::text[]) OR (left_at > now() - ${WINDOW} AND name <> ALL ($3::text[])))
         ORDER BY left_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING name`,
      [fingerprint(), this.names(true), this.names(false)],
    );
    return rows[0]?.name;
  }

  /** @returns false when it could not be kept: nobody will recognize the request when it comes again */
  async leave(fingerprint: string, name: string): Promise<boolean> {
    this.noneAt = Number.NEGATIVE_INFINITY;
    try {
      await this.db.query(
        `DELETE FROM unsettled_request WHERE (left_at < now() - ${WINDOW} AND name <> ALL ($1::text[])) OR name = ANY ($2::text[])`,
        [this.names(true), this.names(false)],
      );
      for (const old of this.names(false)) this.left.delete(old);
      this.left.set(name, this.monotonic.elapsed());
      if (this.left.size > MOST_LEFT) this.left.delete(this.left.keys().next().value ?? '');
      await this.db.query('INSERT INTO unsettled_request (fingerprint, name) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        fingerprint,
        name,
      ]);
      return true;
    } catch (error) {
      this.onError(error);
      return false;
    } finally {
      this.noneAt = Number.NEGATIVE_INFINITY;
    }
  }

  /** Of what this process has left: those that may still be joined, or those that may not. */
  private names(isYoung: boolean): readonly string[] {
    const now = this.monotonic.elapsed();
    return [...this.left].filter(([, at]) => now - at < WINDOW_MS === isYoung).map(([name]) => name);
  }

  /** One glance for all requests of a quarter of a second: nearly always nothing is left, and then it costs no request anything. */
  private async isAnyLeft(): Promise<boolean> {
    if (performance.now() - this.noneAt < LOOK_EVERY_MS) return false;
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async look(): Promise<boolean> {
    const askedAt = performance.now();
    const rows = await this.db.query<unknown[]>('SELECT 1 FROM unsettled_request LIMIT 1');
    if (rows.length === 0) this.noneAt = askedAt;
    return rows.length > 0;
  }
}
