import type { JsonCall } from './api-connection.js';
import { trusted } from './wire-types.js';

/** An instance that is over, as far as its results go. */
export interface EndedInstance {
  readonly instanceId: number;
  readonly state: string;
  /** Why it failed; null where it did not. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly uploadedFiles: number | null;
  /** SHA-256 of the list of its results; absent of servers that make none. */
  readonly manifest?: string | null;
}

/** An instance, as far as a list shows it. */
export interface ListedInstance extends EndedInstance {
  readonly attempt: number;
  readonly node: string | null;
  readonly exitCode: number | null;
  /** Absent of servers that do not tell; null while it is not over. */
  readonly wallTimeSec?: number | null;
  readonly peakMemoryMB?: number | null;
  readonly uploadedBytes?: number | null;
  /** Its row of the table of parameters; null or absent in tasks without one. */
  readonly row?: Readonly<Record<string, string>> | null;
}

const page = trusted<{ readonly data: readonly ListedInstance[]; readonly nextAfter: number | null }>();
const PAGE = 1_000;

/** Where the storage keeps lists of results: no bucket of anybody, and in no listing. */
export const MANIFESTS = '.manifests';

/** What tasks left as results. */
export class ResultsClient {
  constructor(private readonly json: JsonCall) {}

  /** Instances that are over, by number. @param id uuid or shortname @throws ApiError 404 */
  ended(id: string): AsyncGenerator<EndedInstance, void, undefined> {
    return this.instances(id, 'completed');
  }

  /** Instances by number. @param state some of the states that the API knows, separated by commas; '' for all @throws ApiError 404 */
  async *instances(id: string, state = ''): AsyncGenerator<ListedInstance, void, undefined> {
    const query = new URLSearchParams({ limit: String(PAGE), ...(state === '' ? {} : { state }) });
    const path = `/fornax/v1/tasks/${encodeURIComponent(id)}/instances?${query.toString()}`;
    for (let after: number | null | undefined; after !== null;) {
      const answer = await this.json('GET', after === undefined ? path : `${path}&after=${after}`, page);
      yield* answer.data;
      after = answer.nextAfter;
    }
  }
}
