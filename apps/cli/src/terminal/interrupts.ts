/** What a shell says of a program that Ctrl-C has ended (128 + SIGINT). */
const INTERRUPTED = 130;
/** After it, whoever waits is told that there is another way. */
const STILL_HERE_MS = 1_000;

interface Ways {
  readonly exit: (code: number) => void;
  readonly tell: (line: string) => void;
}

/** What Ctrl-C does: the first one asks what is under way to end, the second one ends the program, since a platform that does not answer ends nothing. */
export const interrupts = ({ exit, tell }: Ways) => {
  const first = new AbortController();
  let isAsking = false;
  return {
    signal: first.signal,
    /** Ctrl-C was typed. */
    interrupt: (): void => {
      if (first.signal.aborted) return exit(INTERRUPTED);
      first.abort();
      setTimeout(() => {
        if (!isAsking) tell('Ending what is under way; Ctrl-C once more ends this at once.');
      }, STILL_HERE_MS).unref();
    },
    /** While somebody is asked, there is nothing to be told. */
    asking: async <T>(question: () => Promise<T>): Promise<T> => {
      isAsking = true;
      return question().finally(() => void (isAsking = false));
    },
  };
};
