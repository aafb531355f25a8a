import type { FornaxClient, WireTask } from '@fornax/client';
import { harmless, harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

/** What a person reads of the end of a long output. */
const END_BYTES = 2_000;
const END_LINES = 10;

/** The last lines that an instance wrote to its standard error; none where it wrote nothing, or that cannot be had now. */
const endOfErrors = async (client: FornaxClient, id: string, instance: number): Promise<readonly string[]> => {
  const end = await client.endOfOutput(id, 'stderr', instance, END_BYTES).catch(() => '');
  return end.trimEnd() === '' ? [] : end.trimEnd().split('\n').slice(-END_LINES);
};

/**
 * Tells how a task ended, on standard error: where it failed, what went wrong with which instance, the end of what that one wrote, and the commands that
 * help on.
 */
export const tellOutcome = async (io: Io, task: WireTask): Promise<void> => {
  if (task.state === 'Success') return io.tell(`${harmlessLine(task.name)}: Success`);
  io.tell(`${harmlessLine(task.name)}: ${task.state}`);
  const failed = task.completedInstances.filter(({ error }) => error !== null);
  const [first] = failed;
  for (const { code, message } of task.errors) io.tell(`  ${harmlessLine(code)}: ${harmlessLine(message)}`);
  if (first !== undefined) {
    const others = failed.length === 1 ? '' : `, the first of ${failed.length} that failed`;
    const lines = await endOfErrors(io.client(), task.uuid, first.instanceId);
    if (lines.length > 0)
      io.tell(`  The end of what instance ${first.instanceId} wrote to its standard error${others}:`);
    for (const line of lines) io.tell(`    ${harmless(line)}`);
  }
  io.tell(
    `  Look further: fornax task logs ${task.uuid} --stderr; fornax task instances ${task.uuid}; fornax task events ${task.uuid}`,
  );
  if (task.state === 'Failure') io.tell(`  Run what failed again: fornax task retry ${task.uuid}`);
  if (task.state === 'Cancelled') io.tell(`  Run what was cancelled: fornax task resume ${task.uuid}`);
};
