import type { FornaxClient, WireTask } from '@fornax/client';
import { tellOutcome } from '../session/outcome.js';
import { LineJoiner } from '../session/follow-lines.js';
import { onAway } from '../session/on-away.js';
import { storageOf } from '../session/storage.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import type { Results } from './prepare.js';
import { quotedWord } from './script.js';

const FILES_AT_A_TIME = 16;

/** What Ctrl-C means to a task that is followed. */
export type OnInterrupt = 'ask' | 'abort' | 'detach';

interface Attended {
  /** Whether several instances print, so that lines say whose they are. */
  readonly hasMany: boolean;
  readonly bring?: Results['bring'];
  readonly onInterrupt: OnInterrupt;
}

const followStream = async (io: Io, id: string, stream: 'stdout' | 'stderr', hasMany: boolean): Promise<void> => {
  const joiner = new LineJoiner();
  const decoder = new TextDecoder();
  const write = stream === 'stdout' ? io.write : io.writeError;
  for await (const event of io
    .client()
    .followOutput(id, stream, { kind: 'tasks', instance: undefined, signal: io.signal, onAway: onAway(io) })) {
    if (event.type === 'reset') io.tell(event.reason);
    if (event.type === 'piece')
      write(hasMany ? joiner.take(event.piece) : decoder.decode(event.piece.data, { stream: true }));
  }
  write(hasMany ? joiner.rest() : decoder.decode());
};

/** Ctrl-C: the task is aborted or goes on without us. */
const interrupted = async (io: Io, client: FornaxClient, id: string, on: OnInterrupt): Promise<void> => {
  const answer = on === 'ask' ? await io.ask('Abort the task (a), or detach and let it go on (d)? ') : on;
  if (answer.trim().toLowerCase().startsWith('a')) {
    await client.abortTask(id);
    io.tell(`Aborted: fornax task get ${id}`);
  } else io.tell(`It goes on: fornax task logs ${id} -f; fornax task results ${id}; fornax task abort ${id}`);
  io.setExitCode(130);
};

/** What cannot be stored here, on a full disk say, is in the bucket still. @returns whether all of it came */
const bringResults = async (io: Io, { place, folder }: Results['bring'] & object): Promise<boolean> => {
  const { downloadPlace } = await import('../transfer/download-place.js');
  try {
    const { files, leftOut } = await downloadPlace(io, await storageOf(io), place, folder, FILES_AT_A_TIME);
    io.tell(`${files} ${files === 1 ? 'result is' : 'results are'} in ${folder}`);
    for (const { path, why } of leftOut) io.tell(`left out: ${harmlessLine(path)}: ${why}`);
    return leftOut.length === 0;
  } catch (error) {
    if (!io.signal.aborted)
      io.tell(`The results did not come: ${error instanceof Error ? error.message : String(error)}`);
    io.tell(`  Bring them: fornax bucket download ${place.bucket}/${place.prefix} ${quotedWord(folder)}`);
    if (io.signal.aborted) throw error;
    return false;
  }
};

/** Follows a task to its end: what it prints, how it ended, and its results if they are to come here. The exit code is 1 unless it succeeded. */
export const attend = async (io: Io, id: string, { hasMany, bring, onInterrupt }: Attended): Promise<void> => {
  const client = io.client();
  let task: WireTask;
  try {
    await Promise.all([followStream(io, id, 'stdout', hasMany), followStream(io, id, 'stderr', hasMany)]);
    task = await client.waitForTask(id, { signal: io.signal, onAway: onAway(io) });
  } catch (error) {
    if (!io.signal.aborted) throw error;
    return interrupted(io, client, id, onInterrupt);
  }
  const isHere = bring === undefined || (await bringResults(io, bring));
  await tellOutcome(io, task);
  if (!isHere || task.state !== 'Success') io.setExitCode(1);
};
