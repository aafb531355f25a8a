import type { PriceSimulation, SimulatedPrice } from '@fornax/contracts';
import { PARTS_PER_MICRO, priceListAt, priceRange, rounded, type PublishedPriceList } from '@fornax/domain';

/** What a task that is only thought of would cost by the list that holds at an instant. */
export const simulatedPrice = (
  lists: readonly PublishedPriceList[],
  { plan, instances, wallTimeSec, cores, constrained, hardware }: PriceSimulation,
  now: number,
): SimulatedPrice => {
  const list = priceListAt(lists, now);
  const currency = (list ?? lists.at(-1)?.priceList)?.currency ?? 'EUR';
  if (list === undefined) return { priceListVersion: null, currency, instance: null, task: null, rules: [] };
  const found = priceRange(
    list,
    { plan, constrained, milliCores: Math.round(cores * 1_000), ms: Math.round(wallTimeSec * 1_000) },
    hardware.map(({ specificationKey, ghz }) => ({ specificationKey, milliGhz: Math.round(ghz * 1_000) })),
  );
  const { version: priceListVersion } = list;
  if (found === undefined) return { priceListVersion, currency, instance: null, task: null, rules: [] };
  const of = (count: number) => {
    const micros = (amount: bigint): number => Number(rounded(amount * BigInt(count), PARTS_PER_MICRO));
    return { lowMicros: micros(found.low), highMicros: micros(found.high) };
  };
  return { priceListVersion, currency, instance: of(1), task: of(instances), rules: found.rules };
};
