/** What the warden is told once, as its only argument. */
export interface Ward {
  readonly agentPid: number;
  /** The lock of the agent's folder and what the agent wrote there: once another one holds it, what runs is that one's. */
  readonly lock: { readonly path: string; readonly text: string };
  /** A folder for each instance, by its name; `pid` in it holds the number of the first process. */
  readonly instancesDir: string;
  /** Control groups of the agent; each instance has a folder of its name in each. */
  readonly groups: readonly string[];
  /** Whether nothing but their mark and their user leads to processes that left the first one's group. */
  readonly isScattered: boolean;
  /** Whether each instance has a user of its own, whose group its folder belongs to. */
  readonly hasOwnUsers: boolean;
  /** An engine that runs the instances in containers with this label. */
  readonly engine?: { readonly socket: string; readonly label: string };
  /** Of a warden that takes another's place: until when the instances may live. Told at once, for its agent may be paused before it can write. */
  readonly until?: number;
}

/**
 * Lines to the warden: `until <milliseconds of uptime>` lets the instances live until then and is answered by a line; `dismiss` ends the warden.
 * The end of its input means that the agent is dead.
 */
export const encodeUntil = (uptimeMs: number): string => `until ${Math.floor(uptimeMs)}\n`;
export const DISMISS = 'dismiss\n';

/** @returns the instant of an `until` line; undefined for any other */
export const decodeUntil = (line: string): number | undefined => {
  const [, number] = /^until (\d+)$/.exec(line) ?? [];
  return number === undefined ? undefined : Number(number);
};
