import { ConfigError, loadConfig, type Env } from '@fornax/base';
import type { PowerPlace, PowerSite } from '@fornax/domain';
import { z } from 'zod';

/** What carbon facts are calculated with (docs/reference/carbon.md, with sources). */
export interface CarbonAssumptions {
  /** Draw of one core of a node that does not say what it draws. */
  readonly idleMilliwattsPerCore: number;
  readonly coreMilliwatts: number;
  /** By name; `default` for nodes that do not say where they stand. */
  readonly sites: ReadonlyMap<string, PowerSite>;
  /** What computing is compared with, by name. */
  readonly datacenters: ReadonlyMap<string, Datacenter>;
}
export interface Datacenter extends PowerPlace {
  readonly name: string;
}
export const CARBON_ASSUMPTIONS = Symbol('fornax.billing.carbon-assumptions');
/** What clients compare with that name nothing (contract, section 3.21). */
export const DEFAULT_DATACENTER = 'european_dc';
export const DEFAULT_SITE = 'default';

const thousandths = (value: number): number => Math.round(value * 1_000);
const figure = z.number().nonnegative().max(1_000_000);

/** European Union, as public data sets quote figures of Ember (European Electricity Review 2024 and 2025): they were not compared with its own table. */
const EUROPE = [
  { from: '2023-01-01T00:00:00Z', gramsPerKwh: 242 },
  { from: '2024-01-01T00:00:00Z', gramsPerKwh: 213 },
];
/** Uptime Institute, Global Data Center Survey 2024. */
const AVERAGE_PUE = 1.56;
/** Cloud Carbon Footprint, methodology: averages of one virtual core on AWS, idle and at its most (SPECpower). */
const IDLE_WATTS_PER_CORE = 0.74;
const MOST_WATTS_PER_CORE = 3.5;

const intensity = z
  .array(z.strictObject({ from: z.iso.datetime(), gramsPerKwh: figure }))
  .min(1)
  .transform((entries) =>
    entries
      .map(({ from, gramsPerKwh }) => ({ from: Date.parse(from), milligramsPerKwh: thousandths(gramsPerKwh) }))
      .sort((a, b) => a.from - b.from),
  );
const place = {
  pue: z.number().min(1).max(100).default(AVERAGE_PUE).transform(thousandths),
  intensity: intensity.default(() => intensity.parse(EUROPE)),
};
const site = z
  .strictObject({
    ...place,
    reusedPercent: z.number().min(0).max(100).default(0),
    heatGramsPerKwh: figure.default(0),
    waterLitersPerKwh: figure.default(0),
  })
  .transform(({ pue, reusedPercent, heatGramsPerKwh, waterLitersPerKwh, ...rest }): PowerSite => ({
    milliPue: pue,
    intensity: rest.intensity,
    reusedBasisPoints: Math.round(reusedPercent * 100),
    heatMilligramsPerKwh: thousandths(heatGramsPerKwh),
    wueMilliliters: thousandths(waterLitersPerKwh),
  }));
const datacenter = z
  .strictObject({ name: z.string().min(1).max(256), ...place })
  .transform(({ pue, ...rest }): Datacenter => ({ milliPue: pue, ...rest }));

const document = z
  .strictObject({
    idleWattsPerCore: figure.default(IDLE_WATTS_PER_CORE).transform(thousandths),
    busyWattsPerCore: figure.default(MOST_WATTS_PER_CORE - IDLE_WATTS_PER_CORE).transform(thousandths),
    sites: z.record(z.string().min(1).max(128), site).default({}),
    datacenters: z.record(z.string().min(1).max(128), datacenter).default({}),
  })
  .transform(({ idleWattsPerCore, busyWattsPerCore, sites, datacenters }): CarbonAssumptions => ({
    idleMilliwattsPerCore: idleWattsPerCore,
    coreMilliwatts: busyWattsPerCore,
    sites: new Map(Object.entries({ [DEFAULT_SITE]: site.parse({}), ...sites })),
    datacenters: new Map(
      Object.entries({
        [DEFAULT_DATACENTER]: datacenter.parse({ name: 'Common European Datacenter' }),
        ...datacenters,
      }),
    ),
  }));

const settings = z.object({
  /** Assumptions about power and carbon, as a JSON object; what it leaves out is as by default. */
  FORNAX_CARBON: z.string().default('{}'),
});

/** @throws ConfigError that names the field that is wrong */
export const loadCarbonAssumptions = (env: Env): CarbonAssumptions => {
  const text = loadConfig(settings, env).FORNAX_CARBON;
  let asked: unknown;
  try {
    asked = JSON.parse(text);
  } catch {
    throw new ConfigError(['FORNAX_CARBON: is no JSON']);
  }
  const parsed = document.safeParse(asked);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map(({ path, message }) => `FORNAX_CARBON: ${path.join('.') || 'the object'}: ${message}`),
  );
};
