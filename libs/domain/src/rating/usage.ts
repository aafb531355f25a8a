import type { InstantMs } from '../shared/time.js';
import type { AttemptEnd, FailureCause, SchedulingPlan } from '../task/task.events.js';

/** What the bill needs to know of whoever uses nodes: a task, or a pool, whose slots are on nodes as instances of a task are. */
export interface UsageTerms {
  readonly id: string;
  readonly kind: 'task' | 'pool';
  readonly owner: string;
  readonly shortname: string;
  readonly projectUuid: string | null;
  /** As it was submitted: what is changed later changes no statement. */
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly plan: SchedulingPlan;
  /** The user asked for particular hardware, and pays for that hardware. */
  readonly constrained: boolean;
  /** Held by one attempt. */
  readonly memoryMB: number;
  /** Of the commit that states all this. */
  readonly sequence: number;
}

/** Time of one attempt on its node, and what it had there. Everything that a price depends on, in whole numbers. */
export interface Usage {
  /** From its start to its end, in whole milliseconds. What a node says of these is bounded by the time of receipt (ADR 0027). */
  readonly from: InstantMs;
  readonly until: InstantMs;
  readonly node: string;
  readonly cpuModel: string;
  readonly specificationKey: string;
  /** Thousandths of a core. */
  readonly milliCores: number;
  /** Thousandths of a GHz; 0: not known. */
  readonly milliGhz: number;
  readonly memoryMB: number;
  readonly plan: SchedulingPlan;
  readonly constrained: boolean;
  /** Why it ended, where that was no success. */
  readonly cause: FailureCause | null;
}

const milli = (value: number): number => Math.max(0, Math.round(value * 1_000)) || 0;

/** The usage of an attempt; undefined when its command never started. A lost node's attempt ends with the last sign of life of the node. */
export const usageOf = (
  end: Pick<AttemptEnd, 'startedAt' | 'endedAt' | 'node' | 'cores' | 'hardware' | 'outcome' | 'cause'>,
  { plan, constrained, memoryMB }: Pick<UsageTerms, 'plan' | 'constrained' | 'memoryMB'>,
): Usage | undefined => {
  if (end.startedAt === undefined) return undefined;
  const from = Math.floor(end.startedAt);
  return {
    from,
    until: from + Math.max(0, Math.round(end.endedAt - end.startedAt)),
    node: end.node,
    cpuModel: end.hardware.cpuModel,
    specificationKey: end.hardware.specificationKey,
    milliCores: milli(end.cores),
    milliGhz: milli(end.hardware.ghz),
    memoryMB,
    plan,
    constrained,
    cause: end.outcome === 'success' ? null : (end.cause ?? null),
  };
};

export const durationMs = ({ from, until }: Usage): number => until - from;

/** Normalized work in thousandths of a GHz·core times milliseconds: what costs the same on a slow node and on a fast one. */
export const workOf = (usage: Usage): bigint =>
  BigInt(usage.milliCores) * BigInt(usage.milliGhz) * BigInt(durationMs(usage));
