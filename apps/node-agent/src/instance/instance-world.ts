import type { Socket } from 'node:net';

import type { RpcClient } from '@fornax/base';
import type { LeaseOrder, NodeReport } from '@fornax/contracts';
import type { Driver } from '@fornax/drivers';
import type { DurablePublisher } from '@fornax/event-store';
import type { S3Connection } from '@fornax/s3';

import type { InputCache } from '../input-cache/input-cache.js';
import type { TaskImages } from './task-images.js';
import type { InputRecords } from './input-manifest.js';
import type { OutputLine } from '../output/output-line.js';
import type { Use } from './disk-share.js';
import type { Slot } from './slot.js';
import type { TryTurns } from '../ways/try-turns.js';

/** An instance that others of its task reach. */
export interface Peer {
  /** @returns a connection to a port that is for them @throws Error nothing listens there */
  reachFor(port: number): Promise<Socket>;
}

/** What an instance needs of its node. */
export interface InstanceWorld {
  readonly nodeId: string;
  readonly driver: Driver;
  /** Whether the driver lays the files of one instance over those of another. */
  readonly laysOver?: boolean | undefined;
  /** Whether a command may take itself for another user. */
  readonly masksUsers?: (() => Promise<boolean>) | undefined;
  /** PATH of instances. */
  readonly path: string;
  readonly rpc: RpcClient;
  readonly publisher: Pick<DurablePublisher, 'publish'>;
  readonly s3: S3Connection;
  /** What everybody on the node prints goes through. */
  readonly output: Pick<OutputLine, 'open'>;
  /** Inputs that earlier instances had. */
  readonly cache?: InputCache | undefined;
  /** Images of tasks; absent: their commands run with the machine's files. */
  readonly images?: TaskImages | undefined;
  /** Lists of inputs that the node has stored. */
  readonly records: InputRecords;
  /** How long results wait for a storage that fails; default ten minutes. */
  readonly patienceMs?: number;
  readonly report: (report: NodeReport) => void;
  /** Whether the lease is still this node's, at this very moment. */
  readonly isHeld: () => boolean;
  /**
   * Resolves when it is the lease's turn; what comes back lets go of its cores and memory.
   * @throws WaitedTooLong it is to be given back
   */
  readonly turn?: (order: LeaseOrder, signal: AbortSignal) => Promise<() => void>;
  /** A slot of a pool that is ready here. */
  readonly slot?: (leaseId: string) => Slot | undefined;
  /** Another instance of a task, while its command runs here. */
  readonly peer?: (taskId: string, instance: number) => Peer | undefined;
  /** When instances try again to reach others that did not listen. */
  readonly peerTurns?: TryTurns;
  /** Resolves once the node's disk has room for an instance. */
  readonly room?: (signal: AbortSignal) => Promise<void>;
  /** Whether the node's disk has no room now. */
  readonly isDiskFull?: () => Promise<boolean>;
  /** What one instance that was promised no more may have on that disk. */
  readonly diskBound?: Use;
  /** Frequency of the node's cores now. */
  readonly ghz: () => number;
  readonly onError: (error: unknown) => void;
}
