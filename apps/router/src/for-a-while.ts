/** What `make` gave is given to everybody who asks while it is being made and for a time after; a failure is not kept. */
export const forAWhile = <T>(keptMs: number, make: () => Promise<T>): (() => Promise<T>) => {
  let kept: { readonly made: Promise<T>; until: number } | undefined;
  return () => {
    if (kept && performance.now() < kept.until) return kept.made;
    const fresh = { made: make(), until: Infinity };
    kept = fresh;
    fresh.made.then(
      () => (fresh.until = performance.now() + keptMs),
      () => (fresh.until = 0),
    );
    return fresh.made;
  };
};
