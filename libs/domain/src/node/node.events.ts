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
}

export type NodeLossCause = 'heartbeat' | 'rejoined' | 'left';

/**
 * States of a node: unknown -> online (NodeJoined) -> lost (NodeLost) -> online (NodeJoined with a higher epoch);
 * online -> draining (NodeDrained) -> online (NodeResumed); any -> retired (NodeRetired, final).
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
      readonly at: InstantMs;
    }
  | {
      readonly type: 'NodeLost';
      readonly nodeId: string;
      readonly epoch: number;
      readonly cause: NodeLossCause;
      readonly at: InstantMs;
    }
  | { readonly type: 'NodeDrained'; readonly nodeId: string; readonly at: InstantMs }
  | { readonly type: 'NodeResumed'; readonly nodeId: string; readonly at: InstantMs }
  | { readonly type: 'NodeRetired'; readonly nodeId: string; readonly at: InstantMs };

/** A join by another boot of a node that is still online gives NodeLost('rejoined') and NodeJoined in one commit. */
export type NodeCommand =
  | {
      readonly type: 'JoinNode';
      readonly nodeId: string;
      readonly bootId: string;
      readonly hardware: NodeHardware;
      readonly driver: string;
      readonly warnings: readonly string[];
      readonly at: InstantMs;
    }
  | { readonly type: 'LoseNode'; readonly epoch: number; readonly cause: NodeLossCause; readonly at: InstantMs }
  | { readonly type: 'DrainNode'; readonly at: InstantMs }
  | { readonly type: 'ResumeNode'; readonly at: InstantMs }
  | { readonly type: 'RetireNode'; readonly at: InstantMs };
