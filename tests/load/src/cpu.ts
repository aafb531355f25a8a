import { readdir, readFile } from 'node:fs/promises';

/** Hundredths of a second: what the kernel counts in, on every machine that we run on. */
export const TICK_MS = 10;

/** What the processes of a platform are for, as the bench tells them apart. */
export const KINDS = ['platform', 'PostgreSQL', 'nats-server', 'agent', 'sandboxes', 'others'] as const;
export type Kind = (typeof KINDS)[number];
/** Milliseconds of processor time. */
export type CpuByKind = Readonly<Record<Kind, number>>;

interface Counted {
  readonly parent: number;
  readonly kind: Kind | undefined;
  readonly own: number;
  readonly reaped: number;
}

/** What a program is, by its arguments; undefined: what its parent is. */
const KIND_OF: readonly (readonly [RegExp, Kind])[] = [
  [/apps\/platform\/dist\/main/, 'platform'],
  [/nats-server/, 'nats-server'],
  [/postgres/, 'PostgreSQL'],
  [/apps\/node-agent\/dist\/main/, 'agent'],
  [/warden-main/, 'others'],
];

const statOf = async (pid: string): Promise<readonly [number, Counted] | undefined> => {
  const [text, args] = await Promise.all(
    ['stat', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => undefined)),
  );
  if (text === undefined || args === undefined) return undefined;
  // The name before it may hold anything. Fields 14 to 17 of proc(5): its own time and that of children that it has waited for.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, reapedUser = 0, reapedSystem = 0] = fields.slice(11, 15);
  const kind = KIND_OF.find(([pattern]) => pattern.test(args))?.[1];
  return [Number(pid), { parent: fields[1] ?? 0, kind, own: user + system, reaped: reapedUser + reapedSystem }];
};

/** What somebody's children are whose program says nothing: those of the agent are sandboxes. */
const inherited = (kind: Kind | undefined): Kind => (kind === 'agent' ? 'sandboxes' : (kind ?? 'others'));

/**
 * Processor time that everything a process has started used so far, by kind: its children, theirs, and those that have ended.
 * @param ancestor whose; with its own time where it is another process than this one
 */
export const cpuOfDescendants = async (ancestor = process.pid): Promise<CpuByKind> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const counted = new Map((await Promise.all(pids.map(statOf))).flatMap((found) => (found ? [found] : [])));
  const sums: Record<Kind, number> = {
    platform: 0,
    PostgreSQL: 0,
    'nats-server': 0,
    agent: 0,
    sandboxes: 0,
    others: 0,
  };
  for (const [pid, { kind, own, reaped }] of counted) {
    let nearest = kind;
    let isOurs = pid === ancestor && pid !== process.pid;
    for (let at = counted.get(pid)?.parent ?? 0; at > 1; at = counted.get(at)?.parent ?? 0) {
      if (nearest === undefined) {
        const above = counted.get(at)?.kind;
        if (above !== undefined) nearest = inherited(above);
      }
      if (at === ancestor) isOurs = true;
    }
    if (!isOurs) continue;
    sums[nearest ?? 'others'] += own * TICK_MS;
    sums[inherited(nearest)] += reaped * TICK_MS;
  }
  return sums;
};
