import type { InstantMs } from '../shared/time.js';

export interface SnapshotConfig {
  readonly whitelist: string | null;
  readonly blacklist: string | null;
  readonly bucket: string;
  readonly prefix: string | null;
}

/** One instance's part in a snapshot. */
export interface SnapshotPart {
  readonly instance: number;
  readonly leaseId: string;
  readonly node: string;
}

/** Why a snapshot is pruned: somebody asked for it, or its task says how many are kept. */
export type PruneCause = 'asked' | 'retention';

/**
 * States: triggered -> inProgress (first report) -> success (every part uploaded) or failure (any part failed or was lost); success -> pruning (no instance
 * begins with it any more) -> pruned (nor is any at it: its files go).
 */
export type SnapshotEvent =
  | {
      readonly type: 'SnapshotTriggered';
      readonly snapshotId: string;
      readonly taskId: string;
      readonly owner: string;
      readonly config: SnapshotConfig;
      readonly parts: readonly SnapshotPart[];
      /** Of a periodic one: when it was due; those that were due before and not taken are one with it. Absent: somebody asked for it, or its program. */
      readonly dueAt?: InstantMs;
      /** The exit code by which the program of its only part said that its state is saved. Absent: it did not ask. */
      readonly exitCode?: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'SnapshotProgressed';
      readonly leaseId: string;
      readonly sizeToUploadBytes: number;
      readonly transferredBytes: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'SnapshotPartUploaded';
      readonly leaseId: string;
      readonly files: number;
      readonly bytes: number;
      /** What its owner should know, e.g. what was left out; absent: nothing, or of an earlier agent. */
      readonly notes?: readonly string[];
      /** SHA-256 of the manifest, in hex. Absent of earlier agents: nobody can begin with it. */
      readonly manifest?: string;
      /** Bytes that came over the wire; the others were copied from the snapshot before. Absent of earlier agents. */
      readonly sentBytes?: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'SnapshotCompleted';
      readonly taskId: string;
      readonly files: number;
      readonly bytes: number;
      readonly at: InstantMs;
    }
  | { readonly type: 'SnapshotFailed'; readonly taskId: string; readonly reason: string; readonly at: InstantMs }
  | {
      readonly type: 'SnapshotPruneRequested';
      readonly taskId: string;
      readonly cause: PruneCause;
      readonly at: InstantMs;
    }
  | { readonly type: 'SnapshotPruned'; readonly taskId: string; readonly at: InstantMs };

export type SnapshotCommand =
  | {
      readonly type: 'TriggerSnapshot';
      readonly snapshotId: string;
      readonly taskId: string;
      readonly owner: string;
      readonly config: SnapshotConfig;
      readonly parts: readonly SnapshotPart[];
      /** Of a periodic one: when it was due; those that were due before and not taken are one with it. Absent: somebody asked for it, or its program. */
      readonly dueAt?: InstantMs;
      /** The exit code by which the program of its only part said that its state is saved. Absent: it did not ask. */
      readonly exitCode?: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'RecordProgress';
      readonly leaseId: string;
      readonly sizeToUploadBytes: number;
      readonly transferredBytes: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'RecordPartUploaded';
      readonly leaseId: string;
      readonly files: number;
      readonly bytes: number;
      readonly notes?: readonly string[];
      readonly manifest?: string;
      readonly sentBytes?: number;
      readonly at: InstantMs;
    }
  | { readonly type: 'RecordPartFailed'; readonly leaseId: string; readonly reason: string; readonly at: InstantMs }
  /** No instance is to begin with it any more. */
  | { readonly type: 'RequestPrune'; readonly cause: PruneCause; readonly at: InstantMs }
  /** Nor does any that was to: its files are to go. */
  | { readonly type: 'FinishPrune'; readonly at: InstantMs };
