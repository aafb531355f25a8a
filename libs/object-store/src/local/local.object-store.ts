import { delay } from '@fornax/base/time';
import type { ObjectsReindex, ObjectsScrub } from '@fornax/contracts';
import {
  type ByteSource,
  type CompletionOptions,
  type FolderUsage,
  type FoundOld,
  type DeletionCondition,
  type KeyPart,
  type ListOptions,
  type Listing,
  type Moved,
  type ObjectInfo,
  type ObjectReader,
  type ObjectStore,
  type OldObjects,
  type PartInfo,
  type PartRef,
  type PrefixMove,
  type PutOptions,
  type Sql,
  type UploadHeaders,
  type UploadInfo,
  type UploadUsage,
  type Usage,
  type Written,
  StoreRefusal,
} from '../port/object-store.js';
import { assertEmpty } from '../port/assert-empty.js';
import { Collector } from './collector.js';
import { Deletions } from './deletions.js';
import { type DiskUsage, diskUsage } from './disk-usage.js';
import { uploadUsageByFolderIn, uploadUsagesIn, usageByFolderIn, usagesIn } from './index-usage.js';
import { listObjects } from './object-listing.js';
import { ManifestKeeper } from './manifest-keeper.js';
import { LocalUploads, type Upload } from './local-uploads.js';
import { deleteOldIn, findOldIn } from './old-objects.js';
import { ObjectFiles } from './object-files.js';
import { deletePrefixes, movePrefix, scatterPrefixes } from './prefix-moves.js';
import { type ReindexOptions, type ReindexProgress, reindex } from './reindex.js';
import { type Bond, type IndexDatabase, StoreFolder } from './store-folder.js';
import { deleteRows } from './object-rows.js';
import { type ScrubOptions, scrub } from './scrub.js';
import { type UsageReconciliation, reconcileUsage } from './usage-reconciliation.js';
import { StoredObjects } from './stored-objects.js';

export interface LocalStoreOptions {
  /** Folder of the payloads, made when missing; one file system. */
  readonly folder: string;
  /** Connections whose search_path finds the tables of LOCAL_INDEX_UP. */
  readonly index: IndexDatabase;
  /** false only where the data may be lost, as in tests. Default true. */
  readonly isDurable?: boolean;
  /** How long a replaced or deleted file stays for those who still read it. Default one minute. */
  readonly garbageGraceMs?: number;
  /** Age from which a file without a row is an orphan of a crash, not a put in progress. Default ten minutes. */
  readonly orphanAgeMs?: number;
  readonly onError?: (error: unknown) => void;
  /** The clock of objects' times. Default: the system's. */
  readonly now?: () => number;
}

/** Objects as files on the disk of this machine, their index in Postgres: what one machine uses. Several processes may share folder and index. */
export class LocalObjectStore implements ObjectStore {
  readonly joinsTransactions = true;
  readonly keepsPartChecksums = true;
  readonly #collector: Collector;
  readonly #keeper: ManifestKeeper;
  readonly #files: ObjectFiles;
  readonly #deletions: Deletions;
  readonly #folder: StoreFolder;
  readonly #objects: StoredObjects;
  readonly #uploads: LocalUploads;
  readonly #now: () => number;
  readonly #orphanAgeMs: number;
  readonly #folderPath: string;
  #bond: Bond = { kind: 'whole' };
  #looks = 0;
  /** Which look the bond is of. */
  #bondOf = 0;
  #progress: ReindexProgress | undefined;
  #hasWritten = false;

  private constructor(
    private readonly index: IndexDatabase,
    options: LocalStoreOptions,
  ) {
    const { folder, isDurable = true, garbageGraceMs = 60_000, orphanAgeMs = 600_000, now = Date.now } = options;
    const { onError = () => undefined } = options;
    this.#now = now;
    this.#orphanAgeMs = orphanAgeMs;
    this.#folderPath = folder;
    this.#files = new ObjectFiles(folder, isDurable);
    this.#folder = new StoreFolder(folder, index, isDurable);
    this.#deletions = new Deletions(folder, { onError, hasFile: (fileId) => this.#files.has(fileId) });
    this.#objects = new StoredObjects(index, this.#files, { now, wrote: () => (this.#hasWritten = true) });
    this.#uploads = new LocalUploads(index, this.#files, this.#objects, now);
    this.#keeper = new ManifestKeeper(index, this.#files);
    this.#collector = new Collector(index, this.#files, {
      garbageGraceMs,
      orphanAgeMs,
      onError,
      isWhole: async () => (await this.look()) === undefined,
      alsoEvery: () => this.#keep(),
    });
  }

  /** Opens the store even where its folder and its index do not belong together: `look` tells. */
  static async open(options: LocalStoreOptions): Promise<LocalObjectStore> {
    const store = new LocalObjectStore(options.index, options);
    if ((await store.look()) === undefined) await store.#adopt();
    store.#collector.start();
    return store;
  }

  async #adopt(): Promise<void> {
    await this.#files.makeFolders();
    await this.#renew();
  }

  async #renew(): Promise<void> {
    // When another process leaves a mark now, this one does so ten seconds later.
    if (!(await this.#folder.renew())) this.#hasWritten = true;
  }

  /** Writes the manifests that are owed, and a new mark when something was stored since the last one. */
  async #keep(): Promise<void> {
    if ((await this.look()) !== undefined) return;
    await this.#deletions.tidy();
    const written = await this.#keeper.writeOwed();
    if (written === 0 && !this.#hasWritten) return;
    this.#hasWritten = false;
    await this.#renew().catch((error: unknown) => {
      this.#hasWritten = true;
      throw error;
    });
  }

  /** What was found last by `look`; nothing may be stored or served while there is something. */
  trouble(): string | undefined {
    if (this.#progress)
      return `the index of objects is rebuilt from the files: folder ${this.#progress.folders} of 256, ${this.#progress.files} files`;
    return this.#bond.kind === 'whole' ? undefined : this.#bond.reason;
  }

  /** Looks whether folder and index belong together. @returns what is wrong, for people */
  async look(): Promise<string | undefined> {
    const look = (this.#looks += 1);
    const bond = await this.#folder.look();
    // One that began later has ended: what this one saw may not be there any more.
    if (look < this.#bondOf) return this.trouble();
    this.#bondOf = look;
    const wasGone = this.#bond.kind === 'gone';
    this.#bond = bond;
    if (wasGone && bond.kind === 'whole') await this.#files.makeFolders();
    return this.trouble();
  }

  /** Whether only `reindex` leads out of the trouble. */
  needsReindex(): boolean {
    return this.#bond.kind === 'unindexed';
  }

  /** What is wrong with the folder that only a person can mend: it is not there, or there is an older copy in its place. */
  folderTrouble(): 'gone' | 'older' | undefined {
    const { kind } = this.#bond;
    return kind === 'gone' || kind === 'older' ? kind : undefined;
  }

  /**
   * Makes the index know every object that lies whole on disk: idempotent, deletes nothing; files of no object are set aside. With `forgetMissing`
   * a folder that is gone is made anew, and objects whose files are missing leave the index.
   */
  async reindex(options: ReindexOptions = {}): Promise<ObjectsReindex> {
    await this.look();
    if (this.#bond.kind === 'gone' && options.forgetMissing !== true) throw new Error(this.#bond.reason);
    // Everything in an older copy was known to the index once: what it does not know any more was deleted since.
    const restores = this.#bond.kind !== 'older';
    this.#progress = { folders: 0, files: 0 };
    try {
      await this.#files.makeFolders();
      const [startedAt, olderThan] = [new Date(this.#now()), this.#filesBefore()];
      const onProgress = (progress: ReindexProgress): void => {
        this.#progress = progress;
        options.onProgress?.(progress);
      };
      const { report, unclaimed } = await this.index.transaction((tx) =>
        reindex(tx, this.#files, this.#deletions, { startedAt, olderThan, restores }, { ...options, onProgress }),
      );
      await this.#files.setAside(unclaimed);
      await options.settle?.();
      await this.#folder.renew('in turn');
      return report;
    } finally {
      this.#progress = undefined;
      await this.look();
    }
  }

  /** Compares stored bytes with their checksums, a part of them at a time. */
  async scrub(options: ScrubOptions): Promise<ObjectsScrub> {
    const part = await scrub(
      {
        index: this.index,
        get: ({ bucket, key }) => this.#objects.get(bucket, key, { isThorough: true }),
        now: () => performance.now(),
        sleep: (ms) => delay(ms, options.signal),
      },
      options,
    );
    return { ...part, orphans: part.next === null ? await this.#collector.countOrphans() : null };
  }

  /** Compares the counters of usage with the objects that the index knows, and repairs them. */
  reconcileUsage(signal?: AbortSignal): Promise<UsageReconciliation> {
    return reconcileUsage(this.index, signal);
  }

  /** Removes what crashes and deletions left on disk now, instead of at its time. */
  async collect(): Promise<void> {
    await this.#collector.collect();
    await this.#keep();
    await this.#collector.sweep();
  }

  async createBuckets(buckets: readonly string[], sql: Sql = this.index): Promise<void> {
    await sql.query('INSERT INTO object_bucket (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [
      [...buckets],
    ]);
  }

  async deleteBuckets(buckets: readonly string[], sql: Sql = this.index): Promise<void> {
    await sql.query('DELETE FROM object_bucket WHERE name = ANY ($1::text[])', [[...buckets]]);
    await sql.query('DELETE FROM object_usage WHERE bucket = ANY ($1::text[])', [[...buckets]]);
  }

  async deleteEmpty<T>(bucket: string, decide: () => Promise<T>): Promise<T> {
    const look = (sql: Sql): Promise<void> => assertEmpty(bucket, (options) => listObjects(sql, bucket, options));
    await look(this.index);
    return this.index.transaction(async (tx) => {
      // Rows of objects hold on to that of their bucket: those under way are waited for, and later ones wait for this.
      await tx.query('SELECT FROM object_bucket WHERE name = $1 FOR UPDATE', [bucket]);
      await look(tx);
      const decided = await decide();
      await this.deleteBuckets([bucket], tx);
      return decided;
    });
  }

  async usage(bucket: string): Promise<Usage> {
    const [usage = { objects: 0, bytes: 0 }] = await this.usages([bucket]);
    return usage;
  }

  usages(buckets: readonly string[]): Promise<readonly Usage[]> {
    return usagesIn(this.index, buckets);
  }

  usageByFolder(bucket: string, depth: number, only?: KeyPart): Promise<readonly FolderUsage[]> {
    return usageByFolderIn(this.index, bucket, depth, only);
  }

  uploadUsageByFolder(bucket: string, depth: number, only?: KeyPart): Promise<readonly (FolderUsage & UploadUsage)[]> {
    return uploadUsageByFolderIn(this.index, bucket, depth, only);
  }

  uploadUsages(buckets: readonly string[]): Promise<readonly UploadUsage[]> {
    return uploadUsagesIn(this.index, buckets);
  }

  /** Files that were written since may be of writes under way; the disk has dated them by its own clock. */
  #filesBefore(): Date {
    return new Date(Date.now() - this.#orphanAgeMs);
  }

  /** Looks at every file on disk, and tells what all of them are for. */
  diskUsage(): Promise<readonly DiskUsage[]> {
    return diskUsage(this.index, this.#folderPath, this.#filesBefore().getTime());
  }

  head(bucket: string, key: string): Promise<ObjectInfo | undefined> {
    return this.#objects.head(bucket, key);
  }

  async deleteMany(bucket: string, keys: readonly string[]): Promise<void> {
    await this.#deletions.note(await deleteRows(this.index, bucket, keys));
  }

  async deleteIf(bucket: string, key: string, condition: DeletionCondition): Promise<void> {
    const gone = await deleteRows(this.index, bucket, [key], condition);
    await this.#deletions.note(gone);
    if (gone.length === 0 && (await this.head(bucket, key)))
      throw new StoreRefusal('PreconditionFailed', 'the object is not what its deletion expects it to be');
  }

  list(bucket: string, options: ListOptions): Promise<Listing> {
    return listObjects(this.index, bucket, options);
  }

  put(bucket: string, key: string, source: ByteSource, options: PutOptions): Promise<Written> {
    return this.#objects.put(bucket, key, source, options);
  }

  get(bucket: string, key: string): Promise<ObjectReader | undefined> {
    return this.#objects.get(bucket, key);
  }

  copy(...copy: Parameters<ObjectStore['copy']>): ReturnType<ObjectStore['copy']> {
    return this.#objects.copy(...copy);
  }

  createUpload(bucket: string, key: string, headers: UploadHeaders): Promise<string> {
    return this.#uploads.create(bucket, key, headers);
  }

  findUpload(upload: Upload): Promise<UploadInfo> {
    return this.#uploads.find(upload);
  }

  putPart(...part: Parameters<ObjectStore['putPart']>): Promise<Written> {
    return this.#uploads.putPart(...part);
  }

  completeUpload(upload: Upload, wanted: readonly PartRef[], options?: CompletionOptions): Promise<Written> {
    return this.#uploads.complete(upload, wanted, options);
  }

  abortUpload(upload: Upload): Promise<void> {
    return this.#uploads.abort(upload);
  }

  listParts(upload: Upload): Promise<readonly PartInfo[]> {
    return this.#uploads.listParts(upload);
  }

  listUploads(bucket: string, prefix = ''): Promise<readonly UploadInfo[]> {
    return this.#uploads.list(bucket, prefix);
  }

  findOld(bucket: string, old: OldObjects, limit: number): Promise<FoundOld> {
    return findOldIn(this.index, bucket, old, limit);
  }

  deleteOld(bucket: string, old: OldObjects & { readonly through: string }, sql: Sql = this.index): Promise<void> {
    return deleteOldIn(sql, bucket, old);
  }

  movePrefix(move: PrefixMove, sql?: Sql): Promise<readonly Moved[]> {
    return movePrefix(this.index, move, new Date(this.#now()), sql);
  }

  scatterPrefixes(fromBucket: string, prefixes: readonly string[], sql?: Sql): Promise<readonly Moved[]> {
    return scatterPrefixes(this.index, fromBucket, prefixes, new Date(this.#now()), sql);
  }

  deletePrefixes(bucket: string, prefixes: readonly string[], sql: Sql = this.index): Promise<void> {
    return deletePrefixes(sql, bucket, prefixes);
  }

  async close(): Promise<void> {
    await this.#collector.stop();
    await this.#deletions.close();
  }
}
