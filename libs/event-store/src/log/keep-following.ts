import { Backoff, allowManyListeners, delay } from '@fornax/base';

/** Why a follower cannot follow at present; undefined when it can (again). For health. */
export type OnFollowing = (trouble: string | undefined) => void;

export interface KeepFollowingOptions {
  readonly signal: AbortSignal;
  /** Told about every break, before it is tried again. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly onState?: OnFollowing | undefined;
  /** An error that ends the following: it is thrown. */
  readonly isFinal?: (error: unknown) => boolean;
  /** Nobody can be asked any more, and that is wanted: the connection was closed. */
  readonly isClosed?: () => boolean;
}

/** What one try tells: that it stands, and that something was handled. */
export interface Following {
  readonly stands: () => void;
  readonly moved: () => void;
}

/**
 * The one loop of everything that follows a stream: `follow` goes on from what was handled until it breaks, and is called again, after a
 * while that grows with each try that brought nothing (100 ms doubling to 5 s, with jitter). So whatever is gone (server, consumer, stream)
 * is asked for a few times a minute and no more, and found when it is back. Resolves when `signal` aborts.
 *
 * States: starting -> following (`onState(undefined)`) -> broken (`onState(why)`) -> following again.
 */
export const keepFollowing = async (
  options: KeepFollowingOptions,
  follow: (following: Following) => Promise<void>,
): Promise<void> => {
  const { signal, onError, onState, isFinal, isClosed } = options;
  allowManyListeners(signal);
  const backoff = new Backoff();
  const following: Following = {
    stands: () => {
      backoff.started();
      onState?.(undefined);
    },
    moved: () => backoff.succeeded(),
  };
  while (!signal.aborted) {
    try {
      await follow(following);
      if (!signal.aborted) throw new Error('the following has ended by itself');
    } catch (error) {
      if (isFinal?.(error) === true) throw error;
      if (signal.aborted || isClosed?.() === true) return;
      onError?.(error);
      onState?.(error instanceof Error ? error.message : String(error));
      await delay(backoff.failed(), signal);
    }
  }
};
