import { Injectable } from '@nestjs/common';
import { snapshotFileKey, type FileChange, type SnapshotFile, type SnapshotManifest } from '@fornax/contracts';
import type { SnapshotRow } from '../projections/snapshot-row.js';
import { changesBetween } from './manifest-changes.js';
import { pageOf, type FilePlace, type Page } from './paged.js';
import { listedParts, SnapshotManifests } from './snapshot-manifests.js';

/** Which part of a list is wanted. */
export interface Wanted {
  /** Of one instance alone; absent: of all. */
  readonly instance: number | undefined;
  readonly after: FilePlace | undefined;
  readonly limit: number;
}

const filesIn = (manifest: SnapshotManifest): readonly SnapshotFile[] => {
  const { instance, bucket, folder } = manifest;
  return [
    ...manifest.files.map(({ path, ...file }) => {
      const key = snapshotFileKey(manifest, bucket, folder + path);
      return { instance, path, ...file, target: null, key };
    }),
    ...manifest.links.map(({ path, target }) => {
      return { instance, path, size: null, mode: null, sha256: null, target, key: null };
    }),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
};

/** Lists and compares the files of complete snapshots, also of pruned ones. */
@Injectable()
export class SnapshotFiles {
  constructor(private readonly manifests: SnapshotManifests) {}

  /** @throws Conflict, NotFound, Refused, Unavailable */
  async list(snapshot: SnapshotRow, { instance, ...page }: Wanted): Promise<Page<SnapshotFile>> {
    const parts = new Map(listedParts(snapshot, instance).map((part) => [part.instance, part]));
    const read = async (number: number): Promise<readonly SnapshotFile[]> => {
      const part = parts.get(number);
      return part ? filesIn(await this.manifests.read(part)) : [];
    };
    return pageOf([...parts.keys()], read, page);
  }

  /** What is different in a snapshot from another one. @throws Conflict, NotFound, Refused, Unavailable */
  async changes(earlier: SnapshotRow, later: SnapshotRow, { instance, ...page }: Wanted): Promise<Page<FileChange>> {
    const [before, after] = [earlier, later].map(
      (snapshot) => new Map(listedParts(snapshot, instance).map((part) => [part.instance, part])),
    );
    const instances = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort((a, b) => a - b);
    const read = async (number: number): Promise<readonly FileChange[]> => {
      const [was, is] = [before?.get(number), after?.get(number)];
      const [old, now] = await Promise.all([was && this.manifests.read(was), is && this.manifests.read(is)]);
      return changesBetween(old ? [old] : [], now ? [now] : []);
    };
    return pageOf(instances, read, page);
  }
}
