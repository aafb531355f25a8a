import { simulateScaling } from '@fornax/domain';

const HOUR_MS = 3_600_000;
const MONDAY = Date.UTC(2026, 10, 30);
const at = (hours: number): number => MONDAY + hours * HOUR_MS;

const elastic = { minimumIdle: 1, idleMs: 900_000, growth: 0.2, periodMs: 90_000 };
const scaling = {
  policies: [
    {
      type: 'ManagedTasksQueue' as const,
      name: 'day',
      periods: [{ type: 'Weekly' as const, days: [1, 2, 3, 4, 5], startMs: 7 * HOUR_MS, endMs: 20 * HOUR_MS }],
      minimum: 4,
      maximum: 20,
      ...elastic,
    },
    { type: 'Fixed' as const, name: 'night', periods: [{ type: 'Always' as const }], slots: 2 },
  ],
};

/** Instances that run or wait, from an hour of the day on: some in the morning, none at noon, more than fit in the afternoon, a few in the night. */
const DEMAND = [
  [0, 0],
  [5, 5],
  [6, 1],
  [8, 6],
  [9.5, 12],
  [11.5, 3],
  [12, 0],
  [13.5, 9],
  [14.5, 26],
  [16, 14],
  [17.5, 5],
  [19, 1],
  [21, 4],
  [22.5, 0],
] as const;

const [WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT] = [720, 330, 44, 34, 660, 230];
const MOST = 28;
const x = (instant: number): number => LEFT + ((instant - MONDAY) / (24 * HOUR_MS)) * PLOT_WIDTH;
const y = (count: number): number => TOP + PLOT_HEIGHT - (count / MOST) * PLOT_HEIGHT;
const tenths = (value: number): string => String(Math.round(value * 10) / 10);

/** A line that keeps each value until the next one. */
const steps = (points: readonly (readonly [number, number])[]): string => {
  const [first, ...rest] = points;
  if (!first) return '';
  const moves = rest.map(([instant, count]) => `H${tenths(x(instant))}V${tenths(y(count))}`);
  return `M${tenths(x(first[0]))},${tenths(y(first[1]))}${moves.join('')}H${LEFT + PLOT_WIDTH}`;
};

const text = (left: number, top: number, of: string, anchor = 'middle'): string =>
  `<text x="${tenths(left)}" y="${tenths(top)}" text-anchor="${anchor}">${of}</text>`;

/** One day of a pool, by the rule that sizes pools. */
export const simulatedDay = () =>
  simulateScaling({
    scaling,
    demand: DEMAND.map(([hours, instances]) => ({ at: at(hours), instances })),
    from: at(0),
    to: at(24),
    opensInMs: 60_000,
    maxPoints: 10_000,
  });

/** The plot of that day as the page of scaling shows it. */
export const plotOfDay = (): string => {
  const { points } = simulatedDay();
  const [demand, ready] = [
    points.map((point) => [point.at, point.demand] as const),
    points.map((point) => [point.at, point.ready] as const),
  ];
  const hours = [0, 3, 6, 9, 12, 15, 18, 21, 24];
  const counts = [0, 4, 8, 12, 16, 20, 24, 28];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="A day of a pool: its slots follow the instances that run or wait">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<rect x="${tenths(x(at(7)))}" y="${TOP}" width="${tenths(x(at(20)) - x(at(7)))}" height="${PLOT_HEIGHT}" fill="#eef4fb"/>`,
    text(x(at(3.5)), TOP - 8, 'night: 2 slots'),
    text(x(at(13.5)), TOP - 8, 'day: 4 to 20 slots, one idle'),
    text(x(at(22)), TOP - 8, 'night: 2 slots'),
    ...counts.map(
      (count) =>
        `<path d="M${LEFT},${tenths(y(count))}h${PLOT_WIDTH}" stroke="#ddd"/>${text(LEFT - 6, y(count) + 4, String(count), 'end')}`,
    ),
    ...hours.map((hour) => text(x(at(hour)), TOP + PLOT_HEIGHT + 18, `${hour}:00`)),
    `<path d="${steps(demand)}" fill="none" stroke="#d95f02" stroke-width="1.5" stroke-dasharray="4 3"/>`,
    `<path d="${steps(ready)}" fill="none" stroke="#1f5fa8" stroke-width="2"/>`,
    `<path d="M${LEFT},${HEIGHT - 20}h24" stroke="#d95f02" stroke-width="1.5" stroke-dasharray="4 3"/>`,
    text(LEFT + 30, HEIGHT - 16, 'instances that run or wait', 'start'),
    `<path d="M${LEFT + 240},${HEIGHT - 20}h24" stroke="#1f5fa8" stroke-width="2"/>`,
    text(LEFT + 270, HEIGHT - 16, 'slots that are ready', 'start'),
    '</svg>',
    '',
  ].join('\n');
};
