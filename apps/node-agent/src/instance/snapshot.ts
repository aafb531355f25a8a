import { randomUUID } from 'node:crypto';

import { inSpan, type RpcClient, delay } from '@fornax/base';
import {
  grantReplySchema,
  nodeRpcSubject,
  type SnapshotGrantRequest,
  type SnapshotOrder,
  type SnapshotReport,
  snapshotReportSubject,
} from '@fornax/contracts';
import type { DurablePublisher } from '@fornax/event-store';
import { S3Client, type S3Connection } from '@fornax/s3';

import type { Instance } from './instance.js';
import { notesOf } from './notes.js';
import { plainText } from './plain-text.js';
import { selectResults, uploadFiles } from './results.js';

export interface SnapshotWorld {
  readonly nodeId: string;
  readonly rpc: RpcClient;
  readonly publisher: Pick<DurablePublisher, 'publish'>;
  readonly s3: S3Connection;
}

const GRANT_TIMEOUT_MS = 10_000;
const PROGRESS_EVERY_MS = 500;
const REPORT_TRIES = 60;
const REPORT_RETRY_MS = 1_000;

/**
 * Uploads what the results of a running instance are now, file by file and without a copy: each file is as it was at one moment, not all at the same.
 * Ends with one report, `uploaded` or `failed`.
 */
export const takeSnapshot = (
  world: SnapshotWorld,
  order: SnapshotOrder,
  instance: Instance | undefined,
): Promise<void> =>
  inSpan('snapshot', { kind: 'consumer', parent: order.traceparent }, async () => {
    const { snapshotId, leaseId } = order;
    const tell = (report: SnapshotReport, msgId: string = randomUUID()): Promise<void> => store(world, report, msgId);
    try {
      const files = instance?.files;
      if (!files) throw new Error('the instance does not run any more');
      const { jobDir, seenAs, before, bound, signal } = files;
      const selected = await selectResults(jobDir, before, order, { seenAs, signal, bound, what: 'snapshot' });
      const reply = await world.rpc.request(
        nodeRpcSubject(world.nodeId, 'snapshot-grant'),
        { snapshotId, leaseId, takesRow: true } satisfies SnapshotGrantRequest,
        grantReplySchema,
        GRANT_TIMEOUT_MS,
      );
      if (!reply.granted) throw new Error(reply.reason);
      const sizeToUploadBytes = selected.files.reduce((sum, file) => sum + file.sizeBytes, 0);
      await tell({ kind: 'progress', snapshotId, leaseId, sizeToUploadBytes, transferredBytes: 0 });
      let toldAt = performance.now();
      const target = { bucket: order.bucket, prefix: reply.resultsFolder ?? order.prefix };
      const s3 = new S3Client({ ...reply.s3, connection: world.s3 });
      const onProgress = (transferredBytes: number): void => {
        if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
        toldAt = performance.now();
        void tell({ kind: 'progress', snapshotId, leaseId, sizeToUploadBytes, transferredBytes });
      };
      const uploaded = await uploadFiles(s3, jobDir, selected, target, { signal, onProgress, isLive: true });
      if (uploaded.failure !== undefined) throw uploaded.failure;
      const { files: count, bytes } = uploaded;
      const notes = [...notesOf(uploaded.leftOut, 'Not in the snapshot')];
      const told = notes.length === 0 ? {} : { notes };
      await tell(
        { kind: 'uploaded', snapshotId, leaseId, files: count, bytes, ...told },
        `${snapshotId}/${leaseId}/end`,
      );
    } catch (error) {
      const reason = plainText(error);
      await tell({ kind: 'failed', snapshotId, leaseId, reason }, `${snapshotId}/${leaseId}/end`);
    }
  });

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
