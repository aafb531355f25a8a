import type { JsonCall } from './api-connection.js';
import { trusted, type ProjectionRebuild, type ProjectionState } from './wire-types.js';

/** What is folded from the event log. For operators. */
export class ProjectionsClient {
  constructor(private readonly json: JsonCall) {}

  list(): Promise<readonly ProjectionState[]> {
    return this.json('GET', '/fornax/v1/projections', trusted<readonly ProjectionState[]>());
  }

  /**
   * Rebuilds a projection from the log beside the live one. With `verify` it is only compared, else it is swapped in; with `force` also where
   * the log knows less than the rows.
   */
  rebuild(
    name: string,
    options: { readonly verify: boolean; readonly force?: boolean; readonly signal?: AbortSignal },
  ): Promise<ProjectionRebuild> {
    const force = options.force === true ? '&force=true' : '';
    const path = `/fornax/v1/projections/${encodeURIComponent(name)}/rebuild?verify=${String(options.verify)}${force}`;
    return this.json('POST', path, trusted<ProjectionRebuild>(), {
      signal: options.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }
}
