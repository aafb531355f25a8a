import { z } from 'zod';
import { MOST_FORWARDER_CHARS } from './ways.js';

const id = z.string().min(1).max(128);
const share = z.number().min(0).max(100);
const amount = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const count = z.number().int().min(0).max(2_147_483_647);

/** Characters of the reason why an instance waits. */
export const MOST_WAITING_CHARS = 300;

/** Most instances that one message tells of; a node that runs more leaves the others out. */
export const MAX_LIVE_INSTANCES = 8_192;

/**
 * What a node does with an instance (contract, section 3.8): brings inputs, sets up, runs the command, stores its last output, brings results.
 * A lease that the node has not taken yet is in the phase `dispatch`, which nobody reports.
 */
export const LIVE_PHASES = ['download', 'environment', 'execution', 'shutdown', 'upload'] as const;

/** Forwards that one message tells of, for one instance. */
export const MOST_LIVE_WAYS = 16;
const port = z.number().int().min(1).max(65_535);

/** One instance as its node sees it now. Measured of all of its processes. */
export const liveInstanceSchema = z.strictObject({
  leaseId: id,
  taskId: id,
  instance: count,
  phase: z.enum(LIVE_PHASES),
  /** Share of the cores that the instance has, in percent, since the message before. */
  cpuUsage: share,
  memoryMB: amount,
  networkInKbps: amount,
  networkOutKbps: amount,
  /** As the command's own output tells it, in percent; 0 when it tells nothing. */
  progress: share,
  executionMs: amount,
  /** Frequency of the node's cores, summed over the seconds of the execution. */
  ghzSeconds: amount,
  /** Why it does not get on, e.g. what the storage says to its results. Absent while it does, and of earlier agents. */
  waiting: z.string().max(MOST_WAITING_CHARS).exactOptional(),
  /** Its ports that are forwarded now, and the ports of the platform that lead to them. Absent: none is. */
  ways: z
    .array(z.strictObject({ port, publicPort: port }))
    .max(MOST_LIVE_WAYS)
    .exactOptional(),
  /** Who forwards them, as the platform said when it let the agent link. Absent of earlier agents, and of earlier platforms. */
  forwarder: z.string().min(1).max(MOST_FORWARDER_CHARS).exactOptional(),
});
export type LiveInstance = z.output<typeof liveInstanceSchema>;
export type LivePhase = LiveInstance['phase'];

/** What travels on `fx.live.<node>` (core NATS, not stored) once a second while the node has instances. */
export const liveMessageSchema = z.strictObject({
  nodeEpoch: count,
  specificationKey: z.string().max(256),
  cpuModel: z.string().max(256),
  cores: count,
  /** Frequency of the cores, now and at most. */
  ghz: z.number().min(0).max(1_000),
  maxGhz: z.number().min(0).max(1_000),
  instances: z.array(liveInstanceSchema).max(MAX_LIVE_INSTANCES),
});
export type LiveMessage = z.output<typeof liveMessageSchema>;
