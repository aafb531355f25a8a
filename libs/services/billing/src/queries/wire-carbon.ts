import type { CarbonTotals } from '@fornax/domain';
import { z } from 'zod';

const number = z.number();
/** Carbon facts (contract, section 3.21): energies in Wh, emissions in grams of CO2 equivalent. The same under the names of both families of clients. */
export const carbonFactsSchema = z.object({
  total_consumed_energy_Wh: number,
  total_energy_it_Wh: number,
  total_reused_energy_Wh: number,
  qarnot_carbon_footprint: number,
  equivalent_datacenter_name: z.string(),
  equivalent_DC_carbon_footprint: number,
  saved_carbon_footprint_compute: number,
  saved_carbon_footprint_heat: number,
  saved_carbon_footprint_compute_heat: number,
  saved_carbon_footprint_percent: number,
  PUE: number,
  ERE: number,
  ERF: number,
  WUE: number,
  totalConsumedEnergyWh: number,
  totalEnergyITWh: number,
  totalReusedEnergyWh: number,
  carbonFootprintC02Eq: number,
  equivalentDatacenterName: z.string(),
  equivalentDCCarbonFootprint: number,
  savedCarbonFootprintCompute: number,
  savedCarbonFootprintHeat: number,
  savedCarbonFootprintComputeHeat: number,
  savedCarbonFootprintPercent: number,
  pue: number,
  ere: number,
  erf: number,
  wue: number,
});
export type WireCarbonFacts = z.output<typeof carbonFactsSchema>;

export const carbonQuerySchema = z.object({ comparisondatacenter: z.string().max(256).optional() });

const MICROJOULES_PER_WH = 3_600_000_000;
const wattHours = (microjoules: bigint): number => Number(microjoules) / MICROJOULES_PER_WH;
const grams = (micrograms: bigint): number => Number(micrograms) / 1_000_000;
/** To a millionth: what was rounded on the way is not shown. @param without what the ratio is of nothing */
const ratio = (part: bigint, whole: bigint, without: number): number =>
  whole === 0n ? without : Math.round((Number(part) / Number(whole)) * 1_000_000) / 1_000_000;

export const wireCarbonFacts = (
  totals: CarbonTotals,
  datacenter: string,
  { milliPue, wueMilliliters }: { readonly milliPue: number; readonly wueMilliliters: number },
): WireCarbonFacts => {
  const { itEnergy, totalEnergy, reusedEnergy, emitted, equivalent, savedByHeat, water } = totals;
  const saved = equivalent - emitted;
  const facts = {
    total: wattHours(totalEnergy),
    it: wattHours(itEnergy),
    reused: wattHours(reusedEnergy),
    footprint: grams(emitted),
    equivalent: grams(equivalent),
    compute: grams(saved),
    heat: grams(savedByHeat),
    both: grams(saved + savedByHeat),
    percent: 100 * ratio(saved + savedByHeat, equivalent, 0),
    pue: ratio(totalEnergy, itEnergy, milliPue / 1_000),
    ere: ratio(totalEnergy - reusedEnergy, itEnergy, milliPue / 1_000),
    erf: ratio(reusedEnergy, totalEnergy, 0),
    wue: ratio(water, itEnergy, wueMilliliters) / 1_000,
  };
  return {
    total_consumed_energy_Wh: facts.total,
    total_energy_it_Wh: facts.it,
    total_reused_energy_Wh: facts.reused,
    qarnot_carbon_footprint: facts.footprint,
    equivalent_datacenter_name: datacenter,
    equivalent_DC_carbon_footprint: facts.equivalent,
    saved_carbon_footprint_compute: facts.compute,
    saved_carbon_footprint_heat: facts.heat,
    saved_carbon_footprint_compute_heat: facts.both,
    saved_carbon_footprint_percent: facts.percent,
    PUE: facts.pue,
    ERE: facts.ere,
    ERF: facts.erf,
    WUE: facts.wue,
    totalConsumedEnergyWh: facts.total,
    totalEnergyITWh: facts.it,
    totalReusedEnergyWh: facts.reused,
    carbonFootprintC02Eq: facts.footprint,
    equivalentDatacenterName: datacenter,
    equivalentDCCarbonFootprint: facts.equivalent,
    savedCarbonFootprintCompute: facts.compute,
    savedCarbonFootprintHeat: facts.heat,
    savedCarbonFootprintComputeHeat: facts.both,
    savedCarbonFootprintPercent: facts.percent,
    pue: facts.pue,
    ere: facts.ere,
    erf: facts.erf,
    wue: facts.wue,
  };
};
