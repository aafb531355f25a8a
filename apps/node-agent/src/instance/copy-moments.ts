import { delay } from '@fornax/base';
import type { Consistency } from '@fornax/domain';

import { readyFileProblem, removeReadyFile } from './ready-file.js';

/** What runs while files are copied. */
export interface Program {
  readonly consistency: Consistency;
  /** Whether it is over, and began nothing since: its files stay as they are. */
  readonly isOver: boolean;
  /** Settles when it is. Never rejects. */
  readonly over: Promise<unknown>;
  /** @returns how many of its processes handle the signal, and got it */
  tell(signal: string): Promise<number>;
  freeze(forMs: number): Promise<boolean>;
  thaw(): void;
}

/** What was copied, and what its owner should know of the moment. */
export interface Copied<T> {
  readonly result: T;
  readonly notes: readonly string[];
}

/**
 * The moments at which snapshots copy the files of one instance, as its task wants them. One after the other: a program that is told of two at a time could
 * not say which one it is ready for, and one would let go of what the other holds.
 *
 *   told (SNAPSHOT_SIGNAL) -> ready (SNAPSHOT_READY_FILE) -> held (SNAPSHOT_FREEZE_SECONDS) -> copied -> let go -> told (SNAPSHOT_SIGNAL_AFTER)
 */
export class CopyMoments {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws Error its program was not ready, and its task says that this fails a snapshot; and what `copy` throws */
  during<T>(jobDir: string, program: () => Program, copy: () => Promise<T>): Promise<Copied<T>> {
    const taken = this.#last.then(() => copyAt(jobDir, program(), copy));
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  /** Resolves when nothing is copied any more. */
  async passed(): Promise<void> {
    for (let last: unknown; last !== this.#last;) {
      last = this.#last;
      await last;
    }
  }
}

const copyAt = async <T>(jobDir: string, program: Program, copy: () => Promise<T>): Promise<Copied<T>> => {
  const { signalAfter, freezeMs } = program.consistency;
  // It has said so by its exit code, or will say nothing any more.
  if (program.isOver) return { result: await copy(), notes: [] };
  try {
    const notes = [...(await makeReady(jobDir, program))];
    if (freezeMs === undefined) return { result: await copy(), notes };
    const { result, notes: more } = await whileFrozen(program, freezeMs, copy);
    return { result, notes: [...notes, ...more] };
  } finally {
    if (signalAfter !== undefined) await program.tell(signalAfter);
  }
};

/** @returns what is to be told when it is not as it should be @throws Error it is not, and that fails the snapshot */
const makeReady = async (jobDir: string, program: Program): Promise<readonly string[]> => {
  const { signal, readyFile, readyMs, failsUnready } = program.consistency;
  if (readyFile !== undefined) await removeReadyFile(jobDir, readyFile);
  const notes: string[] = [];
  let isTold = false;
  if (signal !== undefined) {
    isTold = (await program.tell(signal)) > 0;
    if (!isTold) notes.push(`None of its processes handles the signal ${signal}: none was told`);
  }
  const limits = { withinMs: readyMs, over: program.over };
  if (readyFile === undefined) {
    if (isTold) await passed(limits);
    return notes;
  }
  const problem = await readyFileProblem(jobDir, readyFile, limits);
  if (problem === undefined || program.isOver) return notes;
  if (failsUnready) throw new Error(`its program was not ready: ${problem}`);
  return [...notes, `Its program was not ready: ${problem}. The files are as they were then`];
};

const passed = async ({ withinMs, over }: { readonly withinMs: number; readonly over: Promise<unknown> }) => {
  const stop = new AbortController();
  await Promise.race([delay(withinMs, stop.signal), over]);
  stop.abort();
};

const whileFrozen = async <T>(program: Program, forMs: number, copy: () => Promise<T>): Promise<Copied<T>> => {
  const since = performance.now();
  try {
    const isStill = await program.freeze(forMs);
    const result = await copy();
    const isOver = program.isOver || performance.now() - since >= forMs;
    const notes = [
      ...(isStill || program.isOver ? [] : ['Not all of its processes stood still while its files were copied']),
      ...(isOver ? [`Its processes stood still for ${forMs / 1_000} s, and not until all files were copied`] : []),
    ];
    return { result, notes };
  } finally {
    program.thaw();
  }
};
