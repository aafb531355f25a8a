import { STREAMS } from '@fornax/contracts';
import { managerOf } from '@fornax/event-store';
import { operatorOn } from './sights.js';
import type { Testbed } from './testbed.js';

/** Takes all commits of a subject out of the log, as nobody of the platform may. */
export const takeOut = async (bed: Pick<Testbed, 'dataDir'>, filter: string): Promise<void> => {
  const nc = await operatorOn(bed);
  try {
    await (await managerOf(nc)).streams.purge(STREAMS.events, { filter });
  } finally {
    await nc.close();
  }
};
