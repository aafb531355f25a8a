import { parseWireDuration, type TaskCreation } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';

type Lifetime = Pick<TaskSpec, 'maxTimeQueueSeconds' | 'completionTimeToLiveSeconds' | 'autoDeleteOnCompletion'>;

/** How long the task may wait, and how long it is kept after its end. Zero stands for no limit (contract, sections 4.9 and 4.10). */
export const lifetimeOf = (
  creation: Pick<TaskCreation, 'maxTimeQueueSeconds' | 'completionTimeToLive' | 'autoDeleteOnCompletion'>,
): Lifetime => {
  const queueSeconds = creation.maxTimeQueueSeconds ?? 0;
  const keepSeconds = Math.floor((parseWireDuration(creation.completionTimeToLive ?? 0) ?? 0) / 1_000);
  return {
    ...(queueSeconds > 0 ? { maxTimeQueueSeconds: queueSeconds } : {}),
    ...(keepSeconds > 0 ? { completionTimeToLiveSeconds: keepSeconds } : {}),
    ...(creation.autoDeleteOnCompletion === true ? { autoDeleteOnCompletion: true } : {}),
  };
};
