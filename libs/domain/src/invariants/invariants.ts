import { fromNumbers, sizeOf, union } from '../shared/ranges.js';
import type { TaskState } from '../task/task.state.js';

/**
 * What must hold whatever happens, as functions over facts: each returns what breaks it, nothing when it holds. Used by properties and the
 * simulation of the scheduler, by the fault suite and wherever a running platform looks at itself.
 */

/** An instance's time at one place, by any clock that is the same for all stays; `until` may be Infinity. */
export interface Stay {
  /** Names the task and the instance. */
  readonly instance: string;
  readonly from: number;
  readonly until: number;
}

/**
 * No instance is at two places at one time.
 * @param touch stays that share no more than this are one after the other
 * @returns pairs that share a moment, the earlier one first
 */
export const sharedMoments = <S extends Stay>(stays: readonly S[], touch = 0): readonly (readonly [S, S])[] =>
  [...Map.groupBy(stays, ({ instance }) => instance).values()].flatMap((own) => {
    const found: (readonly [S, S])[] = [];
    let last: S | undefined;
    for (const stay of own.toSorted((a, b) => a.from - b.from)) {
      if (last && stay.from < last.until - touch) found.push([last, stay]);
      if (!last || stay.until > last.until) last = stay;
    }
    return found;
  });

/** Room of a node, or what an instance takes of it. */
export interface Room {
  readonly node: string;
  readonly cores: number;
  readonly memoryMB: number;
  /** Room for files, where some is promised; absent: none. */
  readonly diskMB?: number;
}

/** No node is filled beyond its cores, its memory and its room for files. @returns what is taken of each node where that is too much, also of one that is not there */
export const overfilled = (nodes: readonly Room[], taken: readonly Room[]): readonly Room[] => {
  const rooms = new Map(nodes.map((room) => [room.node, room]));
  return [...Map.groupBy(taken, ({ node }) => node)].flatMap(([node, parts]) => {
    const cores = parts.reduce((sum, part) => sum + part.cores, 0);
    const memoryMB = parts.reduce((sum, part) => sum + part.memoryMB, 0);
    const room = rooms.get(node);
    const diskMB = parts.reduce((sum, part) => sum + (part.diskMB ?? 0), 0);
    const isKept = room && cores <= room.cores && memoryMB <= room.memoryMB && diskMB <= (room.diskMB ?? 0);
    return isKept ? [] : [{ node, cores, memoryMB, ...(diskMB > 0 ? { diskMB } : {}) }];
  });
};

/** What happens once happens once: a lease ends, an instance is placed in a round. @returns names that come again, once for each time */
export const repeated = (names: readonly string[]): readonly string[] => {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size);
};

/** A line of the ledger, as far as it says that an attempt was billed. */
export interface BilledAttempt {
  readonly attempt: number;
  readonly outcome: string;
}

/** What is known of the attempts of one instance from elsewhere. */
export interface KnownAttempts {
  readonly least: number;
  /** Undefined when that cannot be known. */
  readonly most?: number;
  /** The instance ended in success. */
  readonly isSuccess: boolean;
}

export interface BillFault {
  readonly kind: 'billed twice' | 'not billed' | 'billed for nothing';
  readonly detail: string;
}

/** Every attempt of one instance is in exactly one line, and at most one of them succeeded. */
export const billFaults = (
  lines: readonly BilledAttempt[],
  { least, most = Infinity, isSuccess }: KnownAttempts,
): readonly BillFault[] => {
  const faults: BillFault[] = [];
  const attempts = lines.map(({ attempt }) => attempt);
  const billed = new Set(attempts);
  if (billed.size < attempts.length) faults.push({ kind: 'billed twice', detail: `attempts ${attempts.join(', ')}` });
  if (billed.size < least) faults.push({ kind: 'not billed', detail: `${least} attempts, ${billed.size} in lines` });
  if (attempts.some((attempt) => attempt > most))
    faults.push({ kind: 'billed for nothing', detail: `${most} attempts, lines for ${attempts.join(', ')}` });
  const successes = lines.filter(({ outcome }) => outcome === 'success').length;
  if (isSuccess && successes === 0) faults.push({ kind: 'not billed', detail: 'no line of its success' });
  if (successes > 1) faults.push({ kind: 'billed twice', detail: `${successes} successes` });
  return faults;
};

/** Every instance of a task is in exactly one of its sets. @returns whether it is not */
export const isTorn = (state: TaskState): boolean => {
  const parts = [state.waiting, fromNumbers(state.inFlight.keys()), state.succeeded, state.failed, state.cancelled];
  const size = sizeOf(parts.reduce(union));
  return (
    size !== sizeOf(state.all) ||
    sizeOf(union(parts.reduce(union), state.all)) !== size ||
    parts.reduce((sum, part) => sum + sizeOf(part), 0) !== size
  );
};
