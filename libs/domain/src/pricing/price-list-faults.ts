import type { PriceList } from './pricing.events.js';

/** Why a list cannot be used, and which of its parts says so: a path into the list. */
export interface PriceListFault {
  readonly path: readonly (string | number)[];
  readonly detail: string;
}

interface Band {
  readonly from: number;
  readonly until?: number | undefined;
}

/** The first of some bands that does not begin where the one before it ends, or that is empty. */
const brokenBand = (bands: readonly Band[]): { readonly index: number; readonly detail: string } | undefined => {
  for (const [index, { from, until }] of bands.entries()) {
    const before = bands[index - 1];
    const end = before ? (before.until ?? Infinity) : from;
    if (from > end) return { index, detail: `There is a gap between it and the part before it.` };
    if (from < end) return { index, detail: 'It overlaps with the part before it.' };
    if (until !== undefined && until <= from) return { index, detail: 'It ends before it begins.' };
  }
  return undefined;
};

/** A class of hardware that no node can be in, because an earlier one takes all of them; or the last one, when some node may be in none. */
const brokenClass = (matches: readonly string[]): { readonly index: number; readonly detail: string } | undefined => {
  const keys = matches.map((match) => match.toLowerCase());
  for (const [index, key] of keys.entries()) {
    const earlier = keys.slice(0, index).findIndex((other) => key.includes(other));
    if (earlier !== -1)
      return {
        index,
        detail: `It overlaps with class ${earlier + 1}, which comes before it and takes all that it would.`,
      };
  }
  return keys.at(-1) === ''
    ? undefined
    : { index: Math.max(0, keys.length - 1), detail: 'There is a gap: the last class must match all hardware, by "".' };
};

/** The first discount of a project that has one already. */
const secondOf = (discounts: readonly { readonly projectUuid: string }[]): number | undefined => {
  const seen = new Set<string>();
  for (const [index, { projectUuid }] of discounts.entries()) {
    if (seen.has(projectUuid)) return index;
    seen.add(projectUuid);
  }
  return undefined;
};

const isAmount = (micros: number): boolean => Number.isSafeInteger(micros) && micros >= 0;
const isShare = (basisPoints: number): boolean => isAmount(basisPoints) && basisPoints <= 10_000;

const pricesIn = (list: PriceList): readonly (readonly [readonly (string | number)[], number])[] => [
  ...Object.entries(list.workMicrosPerGhzCoreHour).map(([plan, micros]) => [['work', plan], micros] as const),
  ...list.hardware.flatMap(({ microsPerCoreHour }, index) =>
    Object.entries(microsPerCoreHour).map(([plan, micros]) => [['hardware', index, plan], micros] as const),
  ),
  [['minimum'], list.minimumMicros ?? 0],
  [['rounding'], list.roundingMicros ?? 1],
];

/** What is wrong with a list by itself, by the paths that its document has; nothing when it can be used. */
export const priceListFaults = (list: PriceList): readonly PriceListFault[] => {
  const faults: PriceListFault[] = pricesIn(list).flatMap(([path, micros]) =>
    isAmount(micros) ? [] : [{ path, detail: 'It must be a whole number of micro-units, and not negative.' }],
  );
  for (const [path, nanos] of [
    ['storage', list.storageNanosPerGbHour],
    ['egress', list.egressNanosPerGb],
  ] as const)
    if (!isAmount(nanos ?? 0))
      faults.push({ path: [path], detail: 'It must be a whole number of nano-units, and not negative.' });
  if (list.assumedMilliGhz === 0)
    faults.push({
      path: ['assumedGhz'],
      detail: 'It must be more than 0: nodes without a known frequency would be free.',
    });
  if (list.roundingMicros === 0) faults.push({ path: ['rounding'], detail: 'Nothing can be rounded to 0.' });
  const bands = list.volumeDiscounts ?? [];
  const band = brokenBand(bands.map(({ fromMicros, untilMicros }) => ({ from: fromMicros, until: untilMicros })));
  if (band) faults.push({ path: ['discounts', 'volume', band.index], detail: band.detail });
  for (const [kind, discounts] of [
    ['volume', bands],
    ['projects', list.projectDiscounts ?? []],
  ] as const)
    for (const [index, { basisPoints }] of discounts.entries())
      if (!isShare(basisPoints))
        faults.push({ path: ['discounts', kind, index, 'percent'], detail: 'It must be between 0 and 100 percent.' });
  const twice = secondOf(list.projectDiscounts ?? []);
  if (twice !== undefined)
    faults.push({
      path: ['discounts', 'projects', twice, 'project'],
      detail: 'It overlaps with a part before it: the project has a discount already.',
    });
  const hardware = brokenClass(list.hardware.map(({ match }) => match));
  if (hardware) faults.push({ path: ['hardware', hardware.index], detail: hardware.detail });
  return faults;
};
