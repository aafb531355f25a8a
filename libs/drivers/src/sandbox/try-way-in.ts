import type { Driver } from '../driver/driver.js';
import { NothingListens } from '../network/way-in.js';

/** Nothing listens there in an instance that only waits. */
const NO_PORT = 1;

/** Enters the network of an instance, as for a connection into it. @throws Error this machine does not permit it */
export const tryWayIn = async (driver: Pick<Driver, 'prepare'>, name: string): Promise<void> => {
  const prepared = await driver.prepare({ id: `probe-way-${name}`, cores: 1, memoryMB: 0 });
  try {
    const running = await prepared.start({ argv: ['/bin/sleep', '60'], env: { PATH: '/usr/bin:/bin' } });
    running.stdout.resume();
    running.stderr.resume();
    const answer = await running.connect(NO_PORT).catch((error: unknown) => error);
    if (!(answer instanceof NothingListens)) throw answer;
  } finally {
    // What runs in it ends with it.
    await prepared.dispose();
  }
};
