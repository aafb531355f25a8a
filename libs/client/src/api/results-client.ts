import { resultManifestSchema, type ResultManifest } from '@fornax/contracts';
import type { JsonCall } from './people-client.js';
import { trusted } from './wire-types.js';

/** An instance that is over, as far as its results go. */
export interface EndedInstance {
  readonly instanceId: number;
  readonly uploadedFiles: number | null;
  /** SHA-256 of the list of its results; absent of servers that make none. */
  readonly manifest?: string | null;
}

const page = trusted<{ readonly data: readonly EndedInstance[]; readonly nextAfter: number | null }>();
const PAGE = 1_000;

/** Where the storage keeps lists of results: no bucket of anybody, and in no listing. */
export const MANIFESTS = '.manifests';

/** @throws Error it is no list of results that this version reads */
export const parseManifest = (bytes: Uint8Array): ResultManifest => {
  const parsed = resultManifestSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new Error('The list of results cannot be read: it is damaged, or of a later version than this command');
};

/** What tasks left as results. */
export class ResultsClient {
  constructor(private readonly json: JsonCall) {}

  /** Instances that are over, by number. @param id uuid or shortname @throws ApiError 404 */
  async *ended(id: string): AsyncGenerator<EndedInstance, void, undefined> {
    const path = `/fornax/v1/tasks/${encodeURIComponent(id)}/instances?state=completed&limit=${PAGE}`;
    for (let after: number | null | undefined; after !== null;) {
      const answer = await this.json('GET', after === undefined ? path : `${path}&after=${after}`, page);
      yield* answer.data;
      after = answer.nextAfter;
    }
  }
}
