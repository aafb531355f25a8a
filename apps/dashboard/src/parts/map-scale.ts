/** What cells of the map of instances are colored by. */
export const MAP_COLORS = ['state', 'exit code', 'wall time', 'peak memory', 'attempt'] as const;
export type MapColor = (typeof MAP_COLORS)[number];

export type Rgb = readonly [red: number, green: number, blue: number];

/** For each cell the place of its color, and what each color says. */
export interface Scale {
  readonly indices: Uint8Array;
  readonly colors: readonly Rgb[];
  readonly labels: readonly string[];
}

const NOTHING: Rgb = [148, 155, 166];
/** From dark to light, told apart without its hue, too. */
const STEPS: readonly Rgb[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];

interface Classes {
  readonly labels: readonly string[];
  readonly colors: readonly Rgb[];
  readonly classOf: (value: number) => number;
}

const EXIT_CODES: Classes = {
  labels: ['0', '1', '2 to 125', '126 to 128', 'above 128: a signal'],
  colors: [
    [47, 158, 68],
    [224, 49, 49],
    [250, 130, 40],
    [190, 75, 219],
    [60, 20, 80],
  ],
  classOf: (code) => {
    if (code <= 1) return Math.max(0, code);
    if (code <= 125) return 2;
    return code <= 128 ? 3 : 4;
  },
};

const ATTEMPTS: Classes = {
  labels: ['first', 'second', 'third', 'fourth', 'later'],
  colors: STEPS,
  classOf: (attempt) => Math.min(4, Math.max(0, attempt - 1)),
};

/** Five equal steps from the least to the most. */
const stepsOf = (values: Float64Array, unit: string): Classes => {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const width = Math.max((most - least) / STEPS.length, Number.MIN_VALUE);
  const text = (value: number): string => value.toPrecision(3);
  return {
    labels: STEPS.map((_, at) =>
      least > most ? '' : `${text(least + at * width)} to ${text(least + (at + 1) * width)} ${unit}`,
    ),
    colors: STEPS,
    classOf: (value) => Math.min(STEPS.length - 1, Math.floor((value - least) / width)),
  };
};

const classesOf = (color: Exclude<MapColor, 'state'>, values: Float64Array): Classes => {
  switch (color) {
    case 'exit code':
      return EXIT_CODES;
    case 'attempt':
      return ATTEMPTS;
    case 'wall time':
      return stepsOf(values, 's');
    case 'peak memory':
      return stepsOf(values, 'MB');
  }
};

/** The color of each value; what has none (NaN) has the first color. */
export const scaleOf = (color: Exclude<MapColor, 'state'>, values: Float64Array): Scale => {
  const { labels, colors, classOf } = classesOf(color, values);
  const indices = Uint8Array.from(values, (value) => (Number.isNaN(value) ? 0 : 1 + classOf(value)));
  return { indices, colors: [NOTHING, ...colors], labels: ['none yet', ...labels] };
};
