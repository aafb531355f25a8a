import { Injectable } from '@nestjs/common';
import { Forbidden, Gathered, NotFound, Unavailable } from '@fornax/base';
import type { WireRights } from '@fornax/contracts';
import { AccountDirectory, rightsTo, type Account, type Need } from '@fornax/identity';
import { InjectDatabase, isId, isIdOrName } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { PoolBarrier } from '../model/pool-barrier.js';
import { POOL_COLUMNS, poolStatusOf, type PoolRecord } from '../model/pool-rows.js';
import type { PoolStatus } from '../model/pool-status.js';

/** Most questions that are answered together. */
const MOST_AT_ONCE = 1_000;

interface Wanted {
  readonly owner: string;
  readonly id: string;
  /** Whether the account may look at pools of others, which are found by their ids alone. */
  readonly reachesOthers: boolean;
}

/**
 * Finds one pool by its id or by the name its owner gave it. A pool of somebody else is like none, except to those who look after it and to members of its
 * project (`AccountDirectory.reaches`), and to them by its id.
 */
@Injectable()
export class PoolLookup {
  /** The tasks of a request mostly name one pool: whoever asks for the same one together is answered by one statement. */
  private readonly reading = new Gathered((wanted: readonly Wanted[]) => this.readAll(wanted), { most: MOST_AT_ONCE });

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: PoolBarrier,
    private readonly accounts: AccountDirectory,
  ) {}

  /**
   * @param need what for; `own` is for its owner alone
   * @throws NotFound also for a pool that is being deleted
   * @throws Unavailable the rows are too far behind to say that there is none
   * @throws Forbidden it may be looked at, but not that
   */
  async find(account: Account, id: string, need: Need | 'own' = 'look'): Promise<PoolStatus> {
    const found = await this.read(account, id);
    if (!found || found.fold.deleteRequested || !this.reaches(account, found, 'look'))
      throw new NotFound(`No such pool: ${id}`, { code: 'pool-not-found' });
    if (found.fold.owner === account.id) return found;
    if (need === 'own' || !this.reaches(account, found, need))
      throw new Forbidden(`Only its owner may do this with pool ${found.poolId}`, { code: 'not-the-owner' });
    return found;
  }

  /** Whose a pool is, and what may be done with it. @throws as `find` */
  async rights(account: Account, id: string): Promise<WireRights> {
    const { owner, spec } = (await this.find(account, id)).fold;
    return rightsTo(this.accounts, account, { owner, projectUuid: spec.projectUuid });
  }

  /** Waits until what is found shows what was committed before, for a bounded time. */
  caughtUp(): Promise<boolean> {
    return this.barrier.caughtUp();
  }

  /** The account's own pool; undefined: there is none. @throws Unavailable as `find` */
  async own(account: Account, id: string): Promise<PoolStatus | undefined> {
    const found = await this.read(account, id);
    return found?.fold.owner === account.id && !found.fold.deleteRequested ? found : undefined;
  }

  /** A pool that the account may look at, also one that is being deleted. @throws Unavailable as `find` */
  async shown(account: Account, id: string): Promise<PoolStatus | undefined> {
    const found = await this.read(account, id);
    return found && this.reaches(account, found, 'look') ? found : undefined;
  }

  private reaches(account: Account, { fold: { owner, spec } }: PoolStatus, need: Need): boolean {
    return this.accounts.reaches(account, owner, need, spec.projectUuid);
  }

  /** A pool that was made a moment ago by another process is found all the same. */
  private async read(account: Account, id: string): Promise<PoolStatus | undefined> {
    if (!isIdOrName(id)) return undefined;
    const wanted = { owner: account.id, id, reachesOthers: this.accounts.seesOthers(account) };
    const now = await this.reading.ask(wanted);
    if (now) return now;
    const isCaughtUp = await this.barrier.caughtUp();
    const found = await this.reading.ask(wanted);
    if (found || isCaughtUp) return found;
    throw new Unavailable(`Whether there is a pool ${id} cannot be said yet: what is shown is behind. Try again.`, {
      code: 'behind',
    });
  }

  private readAll(wanted: readonly Wanted[]): Promise<readonly (PoolStatus | undefined)[]> {
    const reads = new Map<string, Promise<PoolStatus | undefined>>();
    return Promise.all(
      wanted.map((one) => {
        const key = JSON.stringify([one.owner, one.id, one.reachesOthers]);
        const read = reads.get(key) ?? this.readNow(one);
        reads.set(key, read);
        return read;
      }),
    );
  }

  /** What looks like an id may also be the name of another pool. */
  private async readNow({ owner, id, reachesOthers }: Wanted): Promise<PoolStatus | undefined> {
    const anybodys = reachesOthers && isId(id);
    const [record] = await this.db.query<PoolRecord[]>(
      `SELECT ${POOL_COLUMNS} FROM pool WHERE (pool_id = $2 AND (owner = $1 OR $3)) OR (owner = $1 AND shortname = $4)
       ORDER BY (owner = $1 AND pool_id = $2) DESC, owner = $1 DESC, created_ms DESC LIMIT 1`,
      [owner, isId(id) ? id.toLowerCase() : id, anybodys, id],
    );
    return record && poolStatusOf(record);
  }
}
