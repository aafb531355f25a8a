import type { FileChange, ListedSnapshot, SnapshotFile, WireSnapshotSummary } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { AnyParser, JsonCall } from './api-connection.js';

const schema = schemasOf(() => import('../schemas/snapshots.js'));

const API = '/fornax/v1/snapshots';

const PAGE = 10_000;

/** A snapshot, and what is wanted of it. `instance`: of one alone. */
export interface SnapshotContents {
  readonly id: string;
  readonly taskUuid: string;
  readonly instance?: number | undefined;
}

/** Snapshots of tasks. */
export class SnapshotsClient {
  constructor(private readonly json: JsonCall) {}

  /** The latest hundred of a task, newest first. @param task uuid or shortname @throws ApiError 404 */
  async list(task: string): Promise<readonly WireSnapshotSummary[]> {
    return (await this.json('GET', `${API}?task=${encodeURIComponent(task)}`, schema('snapshotListSchema'))).snapshots;
  }

  /** With what it has of each instance. @throws ApiError 404 */
  get(snapshot: string): Promise<ListedSnapshot> {
    return this.json('GET', `${API}/${encodeURIComponent(snapshot)}`, schema('listedSnapshotSchema'));
  }

  /** No instance begins with it any more, and its files go. Safe to repeat. @throws ApiError 404, 409 it is not complete */
  prune(snapshot: string): Promise<ListedSnapshot> {
    return this.json('DELETE', `${API}/${encodeURIComponent(snapshot)}`, schema('listedSnapshotSchema'));
  }

  /** What a complete one has, by instance and path. @throws ApiError 404, 409 it is not complete, or its list was altered, 422 */
  files(snapshot: SnapshotContents): AsyncGenerator<SnapshotFile, void, undefined> {
    return this.pages('files', snapshot, {}, schema('snapshotFilesPageSchema'));
  }

  /** What is different in it from an earlier one. @throws ApiError 404, 409, 422 */
  changes(snapshot: SnapshotContents, against: string): AsyncGenerator<FileChange, void, undefined> {
    return this.pages('diff', snapshot, { against }, schema('fileChangesPageSchema'));
  }

  private async *pages<T>(
    what: 'files' | 'diff',
    { id, taskUuid, instance }: SnapshotContents,
    more: Readonly<Record<string, string>>,
    page: AnyParser<{ readonly data: readonly T[]; readonly nextAfter: string | null }>,
  ): AsyncGenerator<T, void, undefined> {
    const path = `/fornax/v1/tasks/${encodeURIComponent(taskUuid)}/snapshots/${encodeURIComponent(id)}/${what}`;
    const query = new URLSearchParams({ limit: String(PAGE), ...more });
    if (instance !== undefined) query.set('instance', String(instance));
    for (let isMore = true; isMore;) {
      const { data, nextAfter } = await this.json('GET', `${path}?${query.toString()}`, page);
      yield* data;
      isMore = nextAfter !== null;
      if (nextAfter !== null) query.set('after', nextAfter);
    }
  }
}
