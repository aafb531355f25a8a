import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call, insist } from '../work.js';
import type { Testbed } from './testbed.js';

interface Lease {
  readonly leaseId: string;
  readonly instance: number;
}
interface History {
  readonly events: readonly {
    readonly type: string;
    readonly data: { readonly leases?: readonly Lease[]; readonly attempts?: readonly Lease[] };
  }[];
}

/** Leases of a pool's slots, by the log. */
export interface LeasesInLog {
  /** The ids of those that have not ended, sorted, as folders are named after them. */
  readonly open: readonly string[];
  /** How many of these are being prepared, and how many are ready. */
  readonly preparing: number;
  readonly ready: number;
  /** How many there ever were. */
  readonly ever: number;
  /** The numbers of slots in the order in which they were leased, and the leases that ended, each as often as that was said. */
  readonly opened: readonly number[];
  readonly ended: readonly string[];
}

/** Reads the history of a pool, a deleted one's too. @param pool its id */
export const leasesInLog = async (bed: Testbed, pool: string): Promise<LeasesInLog> => {
  const path = `/fornax/v1/pools/${pool}/events?limit=1000`;
  const { events } = await insist(() => call<History>(bed.platform, 'GET', path), 'read the history of the pool');
  const of = (wanted: string): readonly Lease[] =>
    events.flatMap(({ type, data }) => (type === wanted ? [...(data.leases ?? []), ...(data.attempts ?? [])] : []));
  const idsOf = (wanted: string): readonly string[] => of(wanted).map(({ leaseId }) => leaseId);
  const dispatched = of('SlotsDispatched');
  const [ready, ended] = [new Set(idsOf('SlotsReady')), idsOf('SlotsEnded')];
  const over = new Set(ended);
  const leased = new Set(dispatched.map(({ leaseId }) => leaseId));
  const open = [...leased].filter((id) => !over.has(id));
  return {
    open: open.map(encodeURIComponent).sort(),
    preparing: open.filter((id) => !ready.has(id)).length,
    ready: open.filter((id) => ready.has(id)).length,
    ever: leased.size,
    opened: dispatched.map(({ instance }) => instance),
    ended,
  };
};

/** Folders of instances and slots on the node, but those that wait for whatever comes. */
export const foldersOnNode = async ({ dataDir }: Testbed): Promise<readonly string[]> => {
  const names = await readdir(join(dataDir, 'nodes', 'node-1', 'instances'));
  return names.filter((name) => !name.startsWith('+')).sort();
};

/** Processes of this machine that sleep for so many seconds: a test chooses a number of its own. */
export const sleepers = async (seconds: string): Promise<number> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => /^(?:\S*\/)?sleep\0/.test(line) && line.split('\0').includes(seconds)).length;
};

export const untilSleeping = (seconds: string, count: number): Promise<void> =>
  insist(async () => {
    const now = await sleepers(seconds);
    if (now !== count) throw new Error(`${now} processes`);
  }, `${count} processes sleep`);

/** Waits until what is at a path of the API is in a state. */
export const untilState = (bed: Testbed, path: string, wanted: string): Promise<void> =>
  insist(
    async () => {
      const { state } = await call<{ readonly state: string }>(bed.platform, 'GET', path);
      if (state !== wanted) throw new Error(`${path} is ${state}`);
    },
    `${path} is ${wanted}`,
    120_000,
  );

/** Waits until a pool that was deleted is not there any more. */
export const untilGone = (bed: Testbed, pool: string): Promise<void> =>
  insist(async () => {
    const pools = await call<readonly { readonly uuid: string }[]>(bed.platform, 'GET', '/pools');
    if (pools.some(({ uuid }) => uuid === pool)) throw new Error('it is there');
  }, 'the pool is gone');
