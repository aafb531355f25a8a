/** When the time of day and the time since the start begin, milliseconds since the epoch. */
export const START = 1_800_000_000_000;

interface SetTime {
  readonly now: () => number;
}

/** A world whose time passes, and in which somebody sets the time of day, for a clock that follows both. */
export const worldOf = <C extends SetTime>(clockOf: (wall: SetTime, steady: { elapsed: () => number }) => C) => {
  const at = { time: START, elapsed: 0 };
  const clock = clockOf({ now: () => at.time }, { elapsed: () => at.elapsed });
  const pass = (ms: number): number => {
    at.time += ms;
    at.elapsed += ms;
    return clock.now();
  };
  const set = (ms: number): number => {
    at.time += ms;
    return clock.now();
  };
  return { clock, pass, set, at };
};
