import type { NodeReport } from '@fornax/contracts';
import type { InstanceExit } from '@fornax/drivers';

type Ended = Extract<NodeReport, { kind: 'ended' }>;
export type Outcome = Pick<Ended, 'outcome' | 'cause' | 'error'>;

/** What an exit means to the user. `debug` is the end of the command's standard error. */
export const outcomeOf = (exit: InstanceExit, wasCancelled: boolean, memoryMB: number, debug: string): Outcome => {
  if (wasCancelled) return { outcome: 'cancelled' };
  const failed = (code: string, message: string): Outcome => ({
    outcome: 'failure',
    cause: 'user',
    error: { code, message, debug },
  });
  if (exit.kind === 'out-of-memory')
    return failed('FX-OOM', `The command needed more memory than the ${memoryMB} MB of its instance`);
  if (exit.exitCode === undefined) return failed('FX-KILLED', 'The instance was killed from outside');
  if (exit.exitCode === 0) return { outcome: 'success' };
  const after = exit.signal === undefined ? '' : ` (${exit.signal})`;
  if (exit.exitCode === 127) return failed('FX-EXIT', 'The command exited with code 127: it was not found');
  if (exit.exitCode === 126) return failed('FX-EXIT', 'The command exited with code 126: it cannot be executed');
  return failed('FX-EXIT', `The command exited with code ${exit.exitCode}${after}`);
};
