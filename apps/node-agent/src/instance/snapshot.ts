import { createHash, randomUUID } from 'node:crypto';

import { inSpan, type RpcClient, delay } from '@fornax/base';
import {
  type GrantReply,
  grantReplySchema,
  nodeRpcSubject,
  type SnapshotGrantRequest,
  type SnapshotManifest,
  type SnapshotOrder,
  type SnapshotReport,
  snapshotReportSubject,
} from '@fornax/contracts';
import type { DurablePublisher } from '@fornax/event-store';
import { S3Client, type S3Connection } from '@fornax/s3';

import { UserError } from '../failure/user-error.js';
import type { Instance, LiveFiles } from './instance.js';
import { copyFromBefore, copyInStore, keptFile, type StoredFile, unchangedFiles } from './kept-files.js';
import { patiently } from './lease-grant.js';
import { notesOf } from './notes.js';
import { mayPassSoon, withPatience } from './patience.js';
import { Paced } from './paced.js';
import { plainText } from './plain-text.js';
import { MANIFESTS_AREA, namedLeftOut } from './result-manifest.js';
import { type Selection, selectResults, type Uploaded, uploadFiles, type UploadTarget } from './results.js';

export interface SnapshotWorld {
  readonly nodeId: string;
  readonly rpc: RpcClient;
  readonly publisher: Pick<DurablePublisher, 'publish'>;
  readonly s3: S3Connection;
}

const GRANT_TIMEOUT_MS = 10_000;
const PROGRESS_EVERY_MS = 500;
/** Another one can be taken later, and waits until this one is over. */
const PATIENCE = { what: 'the snapshot', isWaitedFor: mayPassSoon, patienceMs: 180_000 } as const;
const REPORT_TRIES = 60;
const REPORT_RETRY_MS = 1_000;

type Granted = Extract<GrantReply, { granted: true }>;
type Report = Omit<Extract<SnapshotReport, { kind: 'uploaded' }>, 'kind' | 'snapshotId' | 'leaseId'>;

/**
 * Stores what the results of a running instance are now, file by file and without a copy on the node: each file is as it was at one moment, not all at the same. What
 * has not changed since the snapshot before is copied in the store. Ends with one report, `uploaded` or `failed`.
 */
export const takeSnapshot = (
  world: SnapshotWorld,
  order: SnapshotOrder,
  instance: Instance | undefined,
): Promise<void> =>
  inSpan('snapshot', { kind: 'consumer', parent: order.traceparent }, async () => {
    const about = { snapshotId: order.snapshotId, leaseId: order.leaseId };
    const tell = (report: SnapshotReport, msgId: string = randomUUID()): Promise<void> => store(world, report, msgId);
    const end = `${about.snapshotId}/${about.leaseId}/end`;
    instance?.snapshots.begins(order.snapshotId);
    try {
      const files = instance?.files;
      if (!instance || !files) throw new Error('the instance does not run any more');
      const taking = new Taking(world, order, instance, files, (progress) =>
        tell({ kind: 'progress', ...about, ...progress }),
      );
      await tell({ kind: 'uploaded', ...about, ...(await taking.take()) }, end);
      instance.snapshots.ends(order.snapshotId);
    } catch (error) {
      const reason = withoutSecrets(instance, plainText(error));
      await tell({ kind: 'failed', ...about, reason }, end);
      instance?.snapshots.ends(order.snapshotId, { text: reason, isUsers: error instanceof UserError });
    }
  });

const withoutSecrets = (instance: Instance | undefined, text: string): string => instance?.withoutSecrets(text) ?? text;

/** What was copied of an instance at one moment. */
interface CopiedFiles extends Pick<LiveFiles, 'outputBytes'> {
  readonly listedAt: number;
  readonly selected: Selection;
  readonly stored: readonly StoredFile[];
  readonly uploaded: Uploaded;
}

interface Progress {
  readonly sizeToUploadBytes: number;
  readonly transferredBytes: number;
}

/** One instance's part of one snapshot on its way. */
class Taking {
  private readonly told: Paced<Progress>;

  constructor(
    private readonly world: SnapshotWorld,
    private readonly order: SnapshotOrder,
    private readonly instance: Instance,
    private files: LiveFiles,
    tell: (progress: Progress) => Promise<void>,
  ) {
    this.told = new Paced(PROGRESS_EVERY_MS, tell);
  }

  async take(): Promise<Report> {
    try {
      return await this.takeAll();
    } finally {
      this.told.stop();
    }
  }

  private async takeAll(): Promise<Report> {
    const { order, instance } = this;
    const granted = await this.grant();
    const target = { bucket: order.bucket, prefix: granted.resultsFolder ?? order.prefix };
    const s3 = new S3Client({ ...granted.s3, connection: this.world.s3 });
    const { result, notes: ofMoment } = await instance.snapshots.moments.during(
      this.files.jobDir,
      () => this.refreshed().program,
      () => this.copyFiles(s3, target, granted),
    );
    const { listedAt, stored, uploaded } = result;
    const manifest = granted.stages === true ? await this.complete(s3, target, result) : undefined;
    this.instance.snapshots.keep({
      ...target,
      snapshotId: order.snapshotId,
      files: new Map(stored.map((one) => [one.file.path, keptFile(one, listedAt)])),
    });
    const notes = [...ofMoment, ...notesOf(uploaded.leftOut, 'Not in the snapshot')].map((note) =>
      withoutSecrets(instance, note),
    );
    return {
      files: stored.length,
      bytes: stored.reduce((sum, { bytes }) => sum + bytes, 0),
      sentBytes: uploaded.bytes,
      ...(manifest === undefined ? {} : { manifest }),
      ...(notes.length === 0 ? {} : { notes }),
    };
  }

  /** What there is of it now: since it was asked for, others were taken, or the program ran anew. @throws Error it is over */
  private refreshed(): LiveFiles {
    const { files } = this.instance;
    if (!files) throw new Error('the instance does not run any more');
    this.files = files;
    return files;
  }

  private async copyFiles(s3: S3Client, target: UploadTarget, granted: Granted): Promise<CopiedFiles> {
    const { jobDir, seenAs, before, over, bound, signal, outputBytes, program } = this.refreshed();
    const { readyFile } = program.consistency;
    const listedAt = Date.now();
    const all = await selectResults(jobDir, before, this.order, { seenAs, signal, bound, over, what: 'snapshot' });
    const selected = { ...all, files: all.files.filter(({ path }) => path !== readyFile) };
    await this.progress(selected, 0);
    const stored: StoredFile[] = [...(await this.copied(s3, target, selected, granted))];
    const uploaded = await this.upload(s3, target, selected, stored);
    return { listedAt, outputBytes, selected, stored, uploaded };
  }

  private async grant(): Promise<Granted> {
    const { snapshotId, leaseId } = this.order;
    const before = this.instance.snapshots.last?.snapshotId;
    const request: SnapshotGrantRequest = {
      snapshotId,
      leaseId,
      takesRow: true,
      stages: true,
      ...(before === undefined ? {} : { before }),
    };
    const subject = nodeRpcSubject(this.world.nodeId, 'snapshot-grant');
    const ask = (): Promise<GrantReply> => this.world.rpc.request(subject, request, grantReplySchema, GRANT_TIMEOUT_MS);
    const reply = await patiently(ask, this.files.signal);
    if (!reply.granted) throw new Error(reply.reason);
    return reply;
  }

  /** Files that are the same as in the snapshot before, once they are copied. */
  private async copied(
    s3: S3Client,
    target: UploadTarget,
    { files }: Selection,
    { before: granted }: Granted,
  ): Promise<readonly StoredFile[]> {
    const { last } = this.instance.snapshots;
    const isSamePlace = last?.bucket === target.bucket && (last.prefix ?? '') === (target.prefix ?? '');
    if (granted === undefined || last?.snapshotId !== granted || !isSamePlace) return [];
    const { jobDir, signal } = this.files;
    return copyFromBefore(s3, target, await unchangedFiles(jobDir, files, last, signal), this.patience);
  }

  /** Sends what is not stored yet. @param stored what is stored is added */
  private async upload(
    s3: S3Client,
    target: UploadTarget,
    selected: Selection,
    stored: StoredFile[],
  ): Promise<Uploaded> {
    const copiedBytes = stored.reduce((sum, { bytes }) => sum + bytes, 0);
    const isStored = new Set(stored.map(({ file }) => file.path));
    const rest = { ...selected, files: selected.files.filter(({ path }) => !isStored.has(path)) };
    const uploaded = await uploadFiles(s3, this.files.jobDir, rest, target, {
      signal: this.files.signal,
      patience: PATIENCE,
      isLive: true,
      onProgress: (bytes) => void this.progress(selected, copiedBytes + bytes),
      onStored: (file, bytes, sha256) => void stored.push({ file, bytes, sha256 }),
    });
    if (uploaded.failure !== undefined) throw uploaded.failure;
    return uploaded;
  }

  /** Lays out what is to be published, and stores the manifest. @returns its digest */
  private async complete(
    s3: S3Client,
    target: UploadTarget,
    { selected: { links }, stored, uploaded, outputBytes }: CopiedFiles,
  ): Promise<string> {
    const there = await copyInStore(s3, target, 'taken', stored, this.patience);
    if (there.length < stored.length) throw new Error('files of the snapshot were gone before it was complete');
    const { snapshotId, taskId, instance, sequence } = this.order;
    const manifest: SnapshotManifest = {
      format: 1,
      ...{ snapshotId, taskId, instance },
      attempt: this.instance.order.attempt,
      bucket: target.bucket,
      folder: target.prefix ?? '',
      ...(sequence === undefined ? {} : { sequence }),
      outputBytes,
      files: stored
        .map(({ file: { path, mode }, bytes: size, sha256 }) => ({ path, size, mode: mode & 0o7777, sha256 }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
      links: [...links],
      ...namedLeftOut(uploaded.leftOut),
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = createHash('sha256').update(bytes).digest('hex');
    const { signal } = this.files;
    const options = { contentType: 'application/json', signal };
    await this.patience.patiently(() => s3.putObject(MANIFESTS_AREA, `${taskId}/${digest}.json`, bytes, options));
    return digest;
  }

  private get patience(): {
    readonly signal: AbortSignal;
    readonly patiently: <T>(work: () => Promise<T>) => Promise<T>;
  } {
    const { signal } = this.files;
    return { signal, patiently: (work) => withPatience(work, { signal, ...PATIENCE }) };
  }

  private progress({ files }: Selection, transferredBytes: number): Promise<void> {
    return this.told.say({ sizeToUploadBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0), transferredBytes });
  }
}

/** Bounded: the snapshot service has a deadline of its own for nodes that say nothing. */
const store = async ({ publisher, nodeId }: SnapshotWorld, report: SnapshotReport, msgId: string): Promise<void> => {
  const data = Buffer.from(JSON.stringify(report));
  for (let tries = 0; tries < REPORT_TRIES; tries += 1) {
    try {
      await publisher.publish(snapshotReportSubject(nodeId), data, { msgId });
      return;
    } catch {
      await delay(REPORT_RETRY_MS, undefined, { ref: false });
    }
  }
};
