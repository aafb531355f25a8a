import type { NodeReport } from '@fornax/contracts';
import { NO_IMAGE_ROOM, REGISTRY_AWAY } from '@fornax/domain';
import type { InstanceExit } from '@fornax/drivers';

import { UserError } from '../failure/user-error.js';
import { NoRoom } from '../images/image-room.js';
import { RegistryAway } from '../images/registry-away.js';
import { plainText } from './plain-text.js';
import type { Stuck } from './state-saver.js';

type Ended = Extract<NodeReport, { kind: 'ended' }>;
export type Outcome = Pick<Ended, 'outcome' | 'cause' | 'error'>;

/** What an exit is judged by. */
export interface Circumstances {
  readonly wasCancelled: boolean;
  /** Present when the agent stopped the command because its time was over. */
  readonly wallLimitMs?: number;
  readonly memoryMB: number;
  /** The node's disk had no room when the command was over. */
  readonly isDiskFull?: boolean;
  /** Present when the agent ended it because its files filled the node's disk: what to tell. */
  readonly overfill?: string;
  /** Present when the agent ended it because its files were more than one instance may have: what to tell. */
  readonly exceeded?: string;
  /** Present when it said only, again and again, that its state is saved: what to tell. */
  readonly stuck?: Stuck;
  /** Present and true when the node could not read what the command wrote. */
  readonly lostOutput?: boolean;
  /** The end of the command's standard error: what it says may decide, and is told to nobody from here. */
  readonly stderrTail: string;
}

/** What is told of an instance whose files took the node's last room. */
export const overfillText = (bytes: number): string =>
  `The instance was ended: its files took ${Math.ceil(bytes / 1e6)} MB, and the disk of its node is full`;

/** What programs say of ENOSPC and EDQUOT. */
const NO_SPACE = /no space left|ENOSPC|disk quota exceeded|EDQUOT|disk full/i;

/** Tells of processes that were killed for memory where the end of the command does not. */
export const noteOfKills = (
  { memoryKills = 0 }: Pick<InstanceExit, 'memoryKills'>,
  { error }: Outcome,
  memoryMB: number,
): readonly string[] =>
  memoryKills === 0 || error?.code === 'FX-OOM'
    ? []
    : [
        `${memoryKills} of its processes were killed because the instance needed more than its ${memoryMB} MB of memory`,
      ];

/** What an exit means to the user. */
export const outcomeOf = (exit: InstanceExit, about: Circumstances): Outcome => {
  const { wasCancelled, wallLimitMs, memoryMB } = about;
  if (wasCancelled) return { outcome: 'cancelled' };
  const failed = (code: string, message: string, cause: 'user' | 'platform' | 'limit' = 'user'): Outcome => ({
    outcome: 'failure',
    cause,
    // What the command printed is output, which goes with its task: an event would keep it, secrets included.
    error: { code, message, debug: '' },
  });
  if (about.overfill !== undefined) return failed('FX-DISK-FULL', about.overfill, 'platform');
  if (about.exceeded !== undefined) return failed('FX-DISK-LIMIT', about.exceeded, 'limit');
  if (wallLimitMs !== undefined)
    return failed('FX-WALL-LIMIT', `The command was stopped after its limit of ${wallLimitMs / 1_000} s`, 'limit');
  if (exit.kind === 'out-of-memory')
    return failed('FX-OOM', `The command needed more memory than the ${memoryMB} MB of its instance`);
  // Whatever the command made of it (SIGPIPE, an exit code, success without its output), the node did it.
  if (about.lostOutput === true)
    return failed('FX-OUTPUT', 'The node lost the output of the command, and stopped it', 'platform');
  if (about.stuck !== undefined) return failed('FX-CHECKPOINT', about.stuck.message, about.stuck.cause);
  if (exit.exitCode === undefined) return failed('FX-KILLED', 'The instance was killed from outside', 'platform');
  if (exit.exitCode === 0) return { outcome: 'success' };
  if (about.isDiskFull === true && NO_SPACE.test(about.stderrTail))
    return failed(
      'FX-DISK-FULL',
      `The command exited with code ${exit.exitCode}: the disk of its node is full`,
      'platform',
    );
  if (exit.exitCode === 127) return failed('FX-EXIT', 'The command exited with code 127: it was not found');
  if (exit.exitCode === 126) return failed('FX-EXIT', 'The command exited with code 126: it cannot be executed');
  if (exit.signal !== undefined)
    return failed('FX-SIGNAL', `The command exited with code ${exit.exitCode} (${exit.signal})`);
  return failed('FX-EXIT', `The command exited with code ${exit.exitCode}`);
};

/** What an error on the way means to the user. @param code of errors that are the platform's, and neither the registry's nor of the room for images */
export const failureOf = (error: unknown, code: 'FX-NODE' | 'FX-DISK-FULL'): Outcome => {
  if (!(error instanceof UserError)) {
    const own = error instanceof RegistryAway ? REGISTRY_AWAY : error instanceof NoRoom ? NO_IMAGE_ROOM : code;
    return { outcome: 'failure', cause: 'platform', error: { code: own, message: plainText(error), debug: '' } };
  }
  const { cause, code: own, message } = error;
  return { outcome: 'failure', cause, error: { code: own, message, debug: '' } };
};

/** What an exit says of time, memory and code, as the report of the end has it. */
export const usageOf = (
  exit: InstanceExit,
): Pick<Ended, 'endedAt' | 'exitCode' | 'signal' | 'cpuMs' | 'peakMemoryMB'> => {
  const { endedAt, exitCode, signal, cpuMs, peakMemoryMB } = exit;
  return {
    endedAt,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(cpuMs === undefined ? {} : { cpuMs: Math.round(cpuMs) }),
    ...(peakMemoryMB === undefined ? {} : { peakMemoryMB: Math.ceil(peakMemoryMB) }),
  };
};
