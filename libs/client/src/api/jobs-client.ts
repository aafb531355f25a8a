import type { WireJob, WireJobGraph, WireTask } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { allPages } from './pages.js';
import { nothing } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/jobs.js'));

/** A job to be created. */
export interface NewJob {
  readonly name: string;
  readonly shortname?: string;
  readonly useDependencies?: boolean;
  readonly tags?: readonly string[];
  /** `[d.]hh:mm:ss`. */
  readonly maxWallTime?: string;
  readonly completionTimeToLive?: string;
  readonly autoDeleteOnCompletion?: boolean;
}

/** What a job that is made of another one is to have otherwise. */
export interface JobChanges {
  /** Id or shortname of an open pool. */
  readonly pool?: string;
}

const pathOf = (id: string): string => `/jobs/${encodeURIComponent(id)}`;

/** How a job is run again: what failed, what was cancelled, both, or all of it. */
export type JobRepetition = 'retry' | 'resume' | 'recover' | 'clone';

/** Groups of tasks that end together. Jobs are named by uuid or shortname. */
export class JobsClient {
  constructor(
    private readonly json: JsonCall,
    private readonly text: (path: string) => Promise<string>,
  ) {}

  /** @returns its id @throws ApiError 400, 403 */
  async create(job: NewJob): Promise<string> {
    return (await this.json('POST', '/jobs', schema('createdSchema'), { body: job })).uuid;
  }

  /** All jobs, newest first. */
  list(): Promise<readonly WireJob[]> {
    return allPages<WireJob>(this.json, '/jobs/paginate', schema('jobPageSchema'));
  }

  get(id: string): Promise<WireJob> {
    return this.json('GET', pathOf(id), schema('jobSchema'));
  }

  /** Oldest first. */
  tasks(id: string): Promise<readonly WireTask[]> {
    return this.json('GET', `${pathOf(id)}/tasks`, schema('tasksSchema'));
  }

  /** Cancels what has not ended of its tasks. */
  async terminate(id: string): Promise<void> {
    await this.json('POST', `${pathOf(id)}/terminate`, nothing);
  }

  /** @param isForced also while tasks are not over, and with all of them @throws ApiError 403 */
  async delete(id: string, isForced = false): Promise<void> {
    await this.json('DELETE', `${pathOf(id)}${isForced ? '?force=true' : ''}`, nothing);
  }

  /** Creates a job with all of its tasks, or nothing. @param document as `GET /fornax/v1/jobs/schema` describes it @throws ApiError 400 */
  async submit(document: unknown): Promise<string> {
    return (await this.json('POST', '/fornax/v1/jobs', schema('createdSchema'), { body: document })).uuid;
  }

  /** Makes a job of another one. @param changes where what ran in a pool is to run @returns its id @throws ApiError 400 there is nothing to run again, it is not over, or its pool takes no tasks */
  async repeat(kind: JobRepetition, id: string, changes: JobChanges = {}): Promise<string> {
    return (await this.json('POST', `/fornax/v1${pathOf(id)}/${kind}`, schema('createdSchema'), { body: changes }))
      .uuid;
  }

  graph(id: string): Promise<WireJobGraph> {
    return this.json('GET', `/fornax/v1${pathOf(id)}/graph`, schema('jobGraphSchema'));
  }

  /** In the language of Graphviz. */
  dot(id: string): Promise<string> {
    return this.text(`/fornax/v1${pathOf(id)}/graph?format=dot`);
  }
}
