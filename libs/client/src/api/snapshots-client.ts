import {
  listedSnapshotSchema,
  snapshotListSchema,
  snapshotManifestSchema,
  type ListedSnapshot,
  type SnapshotManifest,
} from '@fornax/contracts';
import type { JsonCall } from './api-connection.js';

const API = '/fornax/v1/snapshots';

/** @throws Error it is no manifest of a snapshot that this version reads */
export const parseSnapshotManifest = (bytes: Uint8Array): SnapshotManifest => {
  const parsed = snapshotManifestSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new Error(
    'The manifest of the snapshot cannot be read: it is damaged, or of a later version than this command',
  );
};

/** Snapshots of tasks. */
export class SnapshotsClient {
  constructor(private readonly json: JsonCall) {}

  /** The latest hundred of a task, newest first. @param task uuid or shortname @throws ApiError 404 */
  async list(task: string): Promise<readonly ListedSnapshot[]> {
    return (await this.json('GET', `${API}?task=${encodeURIComponent(task)}`, snapshotListSchema)).snapshots;
  }

  /** @throws ApiError 404 */
  get(snapshot: string): Promise<ListedSnapshot> {
    return this.json('GET', `${API}/${encodeURIComponent(snapshot)}`, listedSnapshotSchema);
  }

  /** No instance begins with it any more, and its files go. Safe to repeat. @throws ApiError 404, 409 it is not complete */
  prune(snapshot: string): Promise<ListedSnapshot> {
    return this.json('DELETE', `${API}/${encodeURIComponent(snapshot)}`, listedSnapshotSchema);
  }
}
