import type { PoolCreation, WirePool, WirePoolSummary, WireTask } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { allPages } from './pages.js';
import { trusted } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/pools.js'));

/** The size of an elastic pool as it is sent (contract, 3.4). */
type NewElasticSize = Partial<Omit<NonNullable<PoolCreation['elasticProperty']>, 'size'>>;

/** A pool to be created. */
export type NewPool = Partial<Omit<PoolCreation, 'name' | 'elasticProperty'>> &
  Pick<PoolCreation, 'name'> & { readonly elasticProperty?: NewElasticSize };

/** What may be changed of a pool beside its size. */
export type PoolChanges = Pick<PoolCreation, 'constants' | 'tags'>;

const nothing = trusted<unknown>();
const pathOf = (id: string): string => `/pools/${encodeURIComponent(id)}`;

/** Nodes that are prepared. Pools are named by uuid or shortname. */
export class PoolsClient {
  constructor(private readonly json: JsonCall) {}

  /** @returns its id @throws ApiError 400, 402, 403, 404 */
  async create(pool: NewPool): Promise<string> {
    return (await this.json('POST', '/pools', schema('createdSchema'), { body: pool })).uuid;
  }

  /** All pools, newest first. */
  list(): Promise<readonly WirePoolSummary[]> {
    return allPages<WirePoolSummary>(this.json, '/pools/summaries/paginate', schema('poolSummaryPageSchema'));
  }

  get(id: string): Promise<WirePool> {
    return this.json('GET', pathOf(id), schema('poolSchema'));
  }

  /** Newest first. */
  tasks(id: string): Promise<readonly WireTask[]> {
    return this.json('GET', `${pathOf(id)}/tasks`, schema('tasksSchema'));
  }

  /** Changes how many slots it has. @param scaling policies (contract, 3.10) @throws ApiError 400, 403 */
  async scale(id: string, scaling: unknown): Promise<void> {
    await this.json('PUT', `${pathOf(id)}/scaling`, nothing, { body: scaling });
  }

  /** Changes constants and tags, each as a whole, where they are given. @throws ApiError 400, 403 */
  async update(id: string, changes: PoolChanges): Promise<void> {
    await this.json('PUT', pathOf(id), nothing, { body: changes });
  }

  /** Brings new and changed resources to all of its slots. @throws ApiError 400 it ends or is over */
  async refresh(id: string): Promise<void> {
    await this.json('PATCH', pathOf(id), nothing);
  }

  /** Makes a pool like this one, with a name for its id of its own. @param changes what it is to have otherwise @returns its id @throws ApiError 400, 402, 403, 404 */
  async clone(id: string, changes: Partial<NewPool> = {}): Promise<string> {
    return (await this.json('POST', `${pathOf(id)}/clone`, schema('createdSchema'), { body: changes })).uuid;
  }

  /** Takes no new tasks any more. @throws ApiError 403 */
  async close(id: string): Promise<void> {
    await this.json('POST', `${pathOf(id)}/close`, nothing);
  }

  /** Cancels its tasks, too. */
  async delete(id: string): Promise<void> {
    await this.json('DELETE', pathOf(id), nothing);
  }
}
