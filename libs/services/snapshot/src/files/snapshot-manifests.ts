import { createHash } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Conflict, NotFound, Refused, type Clock } from '@fornax/base';
import { snapshotManifestSchema, type SnapshotManifest } from '@fornax/contracts';
import { CLOCK, CORE_CONFIG, ServiceArea, type CoreConfig, masterKeyOf } from '@fornax/service-kit';
import { SNAPSHOT_SETTINGS, type SnapshotSettings } from '../config/snapshot-config.js';
import type { SnapshotRow } from '../projections/snapshot-row.js';

/** Some 200,000 files of one instance: a node writes what it likes. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Pages of one list are asked for one after the other. */
const MOST_KEPT = 8;

/** The list of files that a snapshot has of an instance, and where it lies. */
export interface ListedPart {
  readonly snapshot: Pick<SnapshotRow, 'snapshotId' | 'taskId' | 'owner'>;
  readonly instance: number;
  readonly digest: string;
}

/**
 * The lists of a complete snapshot, by instance.
 * @param instance of one alone
 * @throws Conflict it is not complete, or has no lists
 * @throws NotFound it has nothing of the instance
 */
export const listedParts = (snapshot: SnapshotRow, instance?: number): readonly ListedPart[] => {
  const { snapshotId, status, parts } = snapshot;
  if (status === 'triggered' || status === 'inProgress' || status === 'failure')
    throw new Conflict(`The snapshot ${snapshotId} has no files: it is not complete`, {
      code: 'snapshot-not-complete',
    });
  const wanted = instance === undefined ? parts : parts.filter((part) => part.instance === instance);
  if (wanted.length === 0) throw new NotFound(`The snapshot ${snapshotId} has nothing of instance ${instance ?? 0}`);
  return wanted.map((part) => {
    if (part.manifest === null)
      throw new Conflict(
        `The snapshot ${snapshotId} was taken by a node of an earlier version: it has no list of files`,
        {
          code: 'snapshot-without-list',
        },
      );
    return { snapshot, instance: part.instance, digest: part.manifest };
  });
};

/** Reads the lists of files of snapshots, as nodes signed them off in the log. */
@Injectable()
export class SnapshotManifests implements OnApplicationShutdown {
  private readonly area: ServiceArea;
  /** Lists that were read last, of the one that is paged through above all. */
  private readonly kept = new Map<string, Promise<SnapshotManifest>>();

  constructor(
    @Inject(SNAPSHOT_SETTINGS) settings: SnapshotSettings,
    @Inject(CORE_CONFIG) core: CoreConfig,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.area = new ServiceArea({
      endpoint: settings.storageUrl ?? core.publicStorageUrl,
      service: 'snapshot',
      area: 'manifests',
      masterKey: masterKeyOf(core),
      clock,
      outage: 'The list of files of the snapshot cannot be read now. Please try again.',
    });
  }

  /**
   * @throws Conflict it is gone, is not what the log names, or its file is damaged
   * @throws Refused it is too long
   * @throws Unavailable
   */
  read(part: ListedPart): Promise<SnapshotManifest> {
    const key = `${part.snapshot.taskId}/${part.snapshot.owner}/${part.digest}.json`;
    const known = this.kept.get(key);
    if (known) return known;
    const reading = this.fetch(key, part);
    reading.catch(() => this.kept.delete(key));
    this.kept.set(key, reading);
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value ?? '');
    return reading;
  }

  onApplicationShutdown(): void {
    this.area.close();
  }

  private async fetch(key: string, { snapshot, instance, digest }: ListedPart): Promise<SnapshotManifest> {
    const what = `The list of files that the snapshot ${snapshot.snapshotId} has of instance ${instance}`;
    const bytes = await this.area.findWhole(key, MOST_BYTES + 1);
    if (bytes === 'damaged')
      throw new Conflict(`${what} cannot be read: its file in the storage is damaged`, { code: 'snapshot-damaged' });
    if (bytes && bytes.length > MOST_BYTES)
      throw new Refused(
        `${what} is too long to be shown: it is the object ${snapshot.taskId}/${digest}.json of .manifests`,
        {
          code: 'snapshot-list-too-long',
        },
      );
    const isRight = bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === digest;
    const manifest = isRight ? manifestIn(bytes) : undefined;
    if (manifest?.instance !== instance || manifest.snapshotId !== snapshot.snapshotId)
      throw new Conflict(`${what} is gone from the storage, or is not the one that the event log names`, {
        code: 'snapshot-altered',
      });
    return manifest;
  }
}

const manifestIn = (bytes: Buffer): SnapshotManifest | undefined => {
  try {
    return snapshotManifestSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch {
    return undefined;
  }
};
