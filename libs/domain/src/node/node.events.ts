import type { NodePower } from '../carbon/carbon.js';
import type { InstantMs } from '../shared/time.js';

/** Hardware as the agent measured it at join. */
export interface NodeHardware {
  /** e.g. "2c-24g-intel-xeon-ssd": cores, memory in GB, vendor and model, disk. */
  readonly specificationKey: string;
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryMB: number;
  readonly ghz: number;
  readonly ssd: boolean;
  readonly gpus: number;
  /** Whether instances that ask for the network get out to it; absent, as of earlier agents: not known. */
  readonly wayOut?: boolean;
  /** Whether ports of its instances can be forwarded; absent, as of earlier agents: not known. */
  readonly waysIn?: boolean;
  /** Whether it takes tasks that name an image: to run in it, or in its place where its operator says so; absent, as of earlier agents: not known. */
  readonly images?: boolean;
  /** Whether it has something to run tasks in that name no image; absent, as of earlier agents: not known. */
  readonly hostPrograms?: boolean;
  /** Whether its agent can hold slots of pools; absent in earlier ones, which cannot. */
  readonly slots?: boolean;
  /** Room for files of instances when the agent started, in megabytes of a million bytes; absent, as of earlier agents: not known, and none is promised. */
  readonly diskMB?: number;
  /** What it draws, where its operator says it or the machine tells; absent: not known. */
  readonly power?: NodePower;
  /** Where it stands, for the intensity of its electricity; absent: the default site. */
  readonly site?: string;
}

/** `revoked`: its credentials were taken back, or given to another machine. */
export type NodeLossCause = 'heartbeat' | 'rejoined' | 'left' | 'revoked';

/**
 * States of a node: unknown -> online (NodeJoined) -> lost (NodeLost) -> online (NodeJoined with a higher epoch);
 * online -> draining (NodeDrained) -> online (NodeResumed); any -> retired (NodeRetired, final).
 *
 * Beside that, within a session: room -> full (NodeDiskFilled) -> room (NodeDiskFreed). A full node is online and is given nothing new.
 *
 * Beside that, whether it may connect, for nodes that joined with a token: none -> open (NodeCredentialIssued) -> rotating
 * (NodeCredentialIssued again: both keys open) -> open (NodeCredentialRotated: the new key was used, the old one is void) -> revoked
 * (NodeCredentialsRevoked) -> open (NodeCredentialIssued for another token). Keys are public halves: the log holds nothing that opens.
 */
export type NodeEvent =
  | {
      readonly type: 'NodeJoined';
      readonly nodeId: string;
      readonly epoch: number;
      readonly bootId: string;
      readonly hardware: NodeHardware;
      readonly driver: string;
      readonly warnings: readonly string[];
      /** How many leases it keeps waiting beyond those that it has room for; absent: none. */
      readonly leasesAhead?: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'NodeLost';
      readonly nodeId: string;
      readonly epoch: number;
      readonly cause: NodeLossCause;
      /** Its last sign of life, by the clock of whoever heard it; absent: not known, as in earlier events. */
      readonly heardAt?: InstantMs;
      readonly at: InstantMs;
    }
  | { readonly type: 'NodeDrained'; readonly nodeId: string; readonly at: InstantMs }
  | { readonly type: 'NodeResumed'; readonly nodeId: string; readonly at: InstantMs }
  | { readonly type: 'NodeRetired'; readonly nodeId: string; readonly at: InstantMs }
  /** The node has no room on its disk for more instances. */
  | { readonly type: 'NodeDiskFilled'; readonly nodeId: string; readonly epoch: number; readonly at: InstantMs }
  | { readonly type: 'NodeDiskFreed'; readonly nodeId: string; readonly epoch: number; readonly at: InstantMs }
  | {
      readonly type: 'NodeCredentialIssued';
      readonly nodeId: string;
      readonly publicKey: string;
      /** The token that it was issued for; null when the node itself asked for its next key. */
      readonly tokenId: string | null;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'NodeCredentialRotated';
      readonly nodeId: string;
      readonly publicKey: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'NodeRotationRequested'; readonly nodeId: string; readonly at: InstantMs }
  | { readonly type: 'NodeCredentialsRevoked'; readonly nodeId: string; readonly at: InstantMs };

/** A join by another boot of a node that is still online gives NodeLost('rejoined') and NodeJoined in one commit. */
export type NodeCommand =
  | {
      readonly type: 'JoinNode';
      readonly nodeId: string;
      readonly bootId: string;
      readonly hardware: NodeHardware;
      readonly driver: string;
      readonly warnings: readonly string[];
      readonly leasesAhead?: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'LoseNode';
      readonly epoch: number;
      readonly cause: NodeLossCause;
      /** For how long nothing was heard of it, as measured; absent: not known. */
      readonly silentMs?: number;
      readonly at: InstantMs;
    }
  | { readonly type: 'DrainNode'; readonly at: InstantMs }
  /** What a node of this session says of its disk. */
  | { readonly type: 'ReportDisk'; readonly epoch: number; readonly isFull: boolean; readonly at: InstantMs }
  | { readonly type: 'ResumeNode'; readonly at: InstantMs }
  | { readonly type: 'RetireNode'; readonly at: InstantMs }
  | CredentialCommand;

export type CredentialCommand =
  /** A one-time token was used. Only a token that names the node may put another machine in the place of one that there is. */
  | {
      readonly type: 'EnrollNode';
      readonly nodeId: string;
      readonly publicKey: string;
      readonly tokenId: string;
      readonly isNamedByToken: boolean;
      readonly at: InstantMs;
    }
  /** The node has made itself a new key. */
  | { readonly type: 'RotateCredential'; readonly publicKey: string; readonly at: InstantMs }
  /** A key has just opened a connection. */
  | { readonly type: 'ConfirmCredential'; readonly publicKey: string; readonly at: InstantMs }
  /** An operator wants the node to make a new key. */
  | { readonly type: 'RequestRotation'; readonly at: InstantMs }
  | { readonly type: 'RevokeCredentials'; readonly at: InstantMs };
