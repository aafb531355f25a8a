/**
 * Calls back once whoever belongs together has had the chance to come. Where nothing is under way that is who is due already (the end of the queue of microtasks: the
 * continuations of one answer, a list of requests); else all of this turn of the event loop, for much more comes meanwhile.
 */
export const soon = (isIdle: boolean, then: () => void): void => {
  if (isIdle) queueMicrotask(then);
  else setImmediate(then);
};
