const VERSION_7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** By so much the clocks of whoever makes ids and of whoever stores commits may differ. */
const CLOCKS_MS = 3_600_000;

/** Whether an id says when it was made, and that was later: what is called so has no commits that are older. */
export const isMadeAfter = (id: string, atMs: number): boolean => {
  const [, high = '', low = ''] = VERSION_7.exec(id) ?? [];
  return high !== '' && Number.parseInt(high + low, 16) > atMs + CLOCKS_MS;
};
