import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault, Restart, Target, Typed } from './fault.js';
import { s3Of } from './s3-of.js';

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
  /** Whether commands are refused until somebody has decided. */
  readonly refuses?: boolean;
  readonly loses?: 'log' | 'objects';
  readonly wayOut?: WayOut;
}

const insistOnCode = ({ code, output }: Typed, expected: number, what: string): string => {
  if (code !== expected) throw new Error(`${what} ended with ${code}, not ${expected}:\n${output}`);
  return output;
};

/** Stores are damaged while nothing runs; the platform says so, refuses what it must, and the way out leads out. */
export const damage = ({ name, ends, change, says, refuses, loses, wayOut }: Damage): Fault => ({
  name,
  inject: async (target) => {
    target.strike(`${name} (${ends})`);
    let from: number | void = undefined;
    await target.restart({
      ends,
      change: async () => {
        from = await change(target);
      },
      awaits: says === undefined ? 'ready' : 'answers',
    });
    if (says !== undefined) await target.untilSaid(says);
    if (refuses === true) await target.mustRefuse();
    if (loses !== undefined && from !== undefined) target.lose(loses, from);
    await wayOut?.(target);
    await target.untilReady();
    target.note('ready again');
  },
});

/** `fornax log status` says what is missing; `fornax log accept <log>` what would be lost; with `--yes` it is. */
export const acceptTheLog: WayOut = async (target) => {
  const state = insistOnCode(await target.fornax('log', 'status'), 1, 'log status');
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

/** `fornax storage reindex` names objects whose files are short or changed. */
export const findDamagedObjects: WayOut = async (target) => {
  const report = insistOnCode(await target.fornax('storage', 'reindex'), 1, 'storage reindex');
  if (!report.includes('Objects with a file missing or short'))
    throw new Error(`storage reindex does not name what is damaged:\n${report}`);
};

/** `fornax storage reindex --forget-missing` gives up the objects whose files are gone. */
export const forgetMissingObjects: WayOut = async (target) => {
  insistOnCode(await target.fornax('storage', 'reindex', '--forget-missing'), 0, 'storage reindex');
};

/** A changed object is cut off when it is read, and the log names it: it is deleted, or would be stored again. */
export const deleteChangedObjects: WayOut = async (target) => {
  const s3 = s3Of(target);
  try {
    const changed: { readonly bucket: string; readonly key: string }[] = [];
    for (const bucket of await s3.listBuckets())
      for (const { key } of await s3.listObjects(bucket))
        await s3.getBytes(bucket, key).catch((error: unknown) => {
          target.note(`reading ${key} of ${bucket}: ${String(error)}`);
          changed.push({ bucket, key });
        });
    if (changed.length !== 1) throw new Error(`one object is changed, and ${changed.length} cannot be read`);
    const log = await readFile(join(target.dataDir, 'logs', 'platform.log'), 'utf8');
    for (const { bucket, key } of changed) {
      if (!log.split('\n').some((line) => line.includes(key) && line.includes('other bytes than were stored')))
        throw new Error(`the log does not name ${key}`);
      await s3.deleteObject(bucket, key);
    }
  } finally {
    s3.close();
  }
};

/** One after the other. */
export const steps =
  (...ways: readonly WayOut[]): WayOut =>
  async (target) => {
    for (const way of ways) await way(target);
  };
