import { eventually } from '@fornax/testing';
import type { Fault, Restart, Target, Typed } from './fault.js';

const PATIENCE = { timeoutMs: 120_000 };

/** A way out of docs/how-to/recover.md; the platform becomes ready again by itself behind it. */
export type WayOut = (target: Target) => Promise<void>;

/** What happens to the stores while nothing runs. */
export interface Damage {
  readonly name: string;
  readonly ends: Restart['ends'];
  /** @returns from when on something is lost, in seconds since the machine's boot; nothing when nothing is */
  readonly change: (target: Target) => Promise<number | void>;
  /** What must be said of it, in /health and on the screen; absent when the platform is to mend it without a word. */
  readonly says?: RegExp;
  /** It may keep the platform from being ready until the way out was taken. */
  readonly mayStop?: boolean;
  /** Whether commands are refused until somebody has decided. */
  readonly refuses?: boolean;
  /** Whether what the log had from that moment on may be gone now. */
  readonly losesLog?: boolean;
  readonly wayOut?: WayOut;
}

/** @returns what was printed. @throws Error the command ended with another exit code */
export const insistOnCode = ({ code, output }: Typed, expected: number, what: string): string => {
  if (code !== expected) throw new Error(`${what} ended with ${code}, not ${expected}:\n${output}`);
  return output;
};

/** Stores are damaged while nothing runs; the platform says so, refuses what it must, and the way out leads out. */
export const damage = ({ name, ends, change, says, mayStop, refuses, losesLog, wayOut }: Damage): Fault => ({
  name,
  inject: async (target) => {
    let from: number | void = undefined;
    await target.restart({
      ends,
      change: async () => {
        from = await change(target);
        target.strike(`${name} (${ends})`);
      },
      awaits: says === undefined && mayStop !== true ? 'ready' : 'answers',
    });
    if (says !== undefined) await target.untilSaid(says);
    if (refuses === true) await target.mustRefuse();
    if (losesLog === true && from !== undefined) target.lose(from);
    await wayOut?.(target);
    await target.untilReady();
    target.note('ready again');
  },
});

/** `fornax log status` says what is missing; `fornax log accept <log>` what would be lost; with `--yes` it is. */
export const acceptTheLog: WayOut = async (target) => {
  // Of several processes one may not answer yet: whoever sits there asks again.
  const typed = await eventually(async () => {
    const answer = await target.fornax('log', 'status');
    return !/cannot be reached/.test(answer.output) && answer;
  }, PATIENCE);
  const state = insistOnCode(typed, 1, 'log status');
  const [, log] = /^log +(\S+)$/m.exec(state) ?? [];
  if (log === undefined || log === 'none') throw new Error(`log status does not name the log:\n${state}`);
  insistOnCode(await target.fornax('log', 'accept', log), 1, 'log accept');
  insistOnCode(await target.fornax('log', 'accept', log, '--yes'), 0, 'log accept --yes');
};

/** `fornax log verify` names each place; `fornax log quarantine drop` gives it up. */
export const dropTheDamage: WayOut = async (target) => {
  insistOnCode(await target.fornax('log', 'verify'), 1, 'log verify');
  const { damage: places } = JSON.parse(
    insistOnCode(await target.fornax('log', 'verify', '--json'), 1, 'log verify --json'),
  ) as { readonly damage: readonly { readonly id: string; readonly isGivenUp: boolean }[] };
  for (const { id } of places.filter(({ isGivenUp }) => !isGivenUp)) {
    const typed = await target.fornax('log', 'quarantine', 'drop', id, '--reason', 'no copy is left');
    insistOnCode(typed, 0, 'log quarantine drop');
  }
  insistOnCode(await target.fornax('log', 'verify'), 0, 'log verify after drop');
};

/** What only rows know goes, too: rows and log tell the same again. */
export const rebuildFromTheLog: WayOut = async (target) => {
  const list = insistOnCode(await target.fornax('projection', 'list'), 0, 'projection list');
  const names = list
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/, 1)[0] ?? '')
    .filter((name) => /^[a-z][a-z-]*$/.test(name));
  if (!names.includes('status')) throw new Error(`no status projection is listed:\n${list}`);
  for (const name of names)
    insistOnCode(await target.fornax('projection', 'rebuild', name, '--force'), 0, `projection rebuild ${name}`);
};

/** One after the other. */
export const steps =
  (...ways: readonly WayOut[]): WayOut =>
  async (target) => {
    for (const way of ways) await way(target);
  };
