import { Unavailable } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import { KeyDestroyed } from '@fornax/service-kit';

/** Times that something is read again. Each of them, somebody has changed the constants in between. */
const MOST_READS = 5;

/** What says that constants are not what was read: the key that is gone, or that others have come. Undefined: it is another error. */
const replacedIn = (error: unknown): string | undefined => {
  if (error instanceof KeyDestroyed) return error.keyId;
  return error instanceof CommandRejected && error.rejection.code === 'constants-changed' ? '' : undefined;
};

/**
 * Does something with sealed constants of a task or pool as they are now: who changes them has their data key destroyed, maybe while this reads them.
 * @param work reads the constants itself; it is done again where they were replaced under it, and leaves nothing then
 * @param caughtUp waits until what is read shows what was committed before
 * @throws KeyDestroyed it is not that they were replaced @throws Unavailable they were changed again each time, or what is read stays behind
 */
export const onCurrentConstants = async <T>(work: () => Promise<T>, caughtUp: () => Promise<boolean>): Promise<T> => {
  let gone: string | undefined;
  for (let read = 0; read < MOST_READS; read += 1) {
    try {
      return await work();
    } catch (error) {
      const replaced = replacedIn(error);
      // What is read again with everything before it, and names the same key, was not replaced.
      if (replaced === undefined || (replaced !== '' && replaced === gone)) throw error;
      gone = replaced;
    }
    if (!(await caughtUp())) break;
  }
  throw new Unavailable('The constants are being changed: ask again');
};
