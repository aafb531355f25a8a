import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { serviceDataSourceOptions } from '@fornax/projections';
import { CORE_CONFIG, schemaOf, type CoreConfig } from '@fornax/service-kit';
import { Invalid, Unavailable } from '@fornax/base';
import { DataSource } from 'typeorm';

/** How long a query with a pattern of the caller may take. */
const MAX_PATTERN_MS = 3_000;
/** Connections for such queries, for all accounts together. */
const CONNECTIONS = 2;
/** Most pattern queries of one account that wait for their turn. */
const MAX_WAITING = 20;

/**
 * Runs queries whose cost a caller decides. They have connections of their own and a limit in time, and each account has one of them under
 * way at most: whatever somebody searches for, he waits for himself, and nobody else's reads do.
 */
@Injectable()
export class PatternQueries implements BeforeApplicationShutdown {
  private readonly lanes = new Map<string, { last: Promise<unknown>; waiting: number }>();
  private opening: Promise<DataSource> | undefined;

  constructor(@Inject(CORE_CONFIG) private readonly config: CoreConfig) {}

  /**
   * @throws Invalid Postgres does not take the pattern, or it takes too long
   * @throws Unavailable the account has too many such queries under way
   */
  async query<T>(owner: string, sql: string, values: readonly unknown[]): Promise<readonly T[]> {
    const lane = this.lanes.get(owner) ?? { last: Promise.resolve(), waiting: 0 };
    if (lane.waiting >= MAX_WAITING)
      throw new Unavailable('Too many searches by pattern at once', { code: 'too-many-searches' });
    this.lanes.set(owner, lane);
    lane.waiting += 1;
    const turn = lane.last.then(() => this.run<T>(sql, values));
    lane.last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      lane.waiting -= 1;
      if (lane.waiting === 0) this.lanes.delete(owner);
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined);
    await opened?.destroy();
  }

  private async run<T>(sql: string, values: readonly unknown[]): Promise<readonly T[]> {
    const db = await this.open();
    try {
      return await db.query<T[]>(sql, [...values]);
    } catch (error) {
      // A pattern that is one to us and none to Postgres is the caller's mistake, and so is one that takes for ever.
      if (hasCode(error, INVALID_REGULAR_EXPRESSION))
        throw new Invalid('The filter holds a pattern that cannot be used', { code: 'bad-filter', cause: error });
      if (hasCode(error, QUERY_CANCELED))
        throw new Invalid('The pattern of the filter takes too long', { code: 'bad-filter', cause: error });
      throw error;
    }
  }

  private open(): Promise<DataSource> {
    this.opening ??= connect(this.config.databaseUrl).catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }
}

const connect = (url: string): Promise<DataSource> => {
  const schema = schemaOf('submission');
  const options = serviceDataSourceOptions({ url, schema, migrations: [], poolSize: CONNECTIONS });
  const extra = { options: `-c search_path=${schema} -c statement_timeout=${MAX_PATTERN_MS}` };
  return new DataSource({ ...options, migrations: [], extra } as typeof options).initialize();
};

/** PostgreSQL, appendix A: error codes. */
const INVALID_REGULAR_EXPRESSION = '2201B';
const QUERY_CANCELED = '57014';
const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
