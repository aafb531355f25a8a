import type { FailureCause } from '../task/task.events.js';
import type { Payer, PriceList } from './pricing.events.js';

/** Who pays where a list does not say it: nobody pays for what the platform broke or took back. */
export const DEFAULT_PAYERS: Readonly<Record<FailureCause, Payer>> = {
  user: 'user',
  limit: 'user',
  platform: 'platform',
  'node-lost': 'platform',
  preempted: 'platform',
};

/** In force until an operator publishes another: EUR 0.004 for a GHz·core·hour of Flex, dearer the sooner it has to run. */
export const defaultPriceList: PriceList = {
  version: 1,
  currency: 'EUR',
  workMicrosPerGhzCoreHour: { flex: 4_000, onDemand: 7_000, reserved: 6_000 },
  hardware: [
    { match: 'epyc', microsPerCoreHour: { flex: 14_000, onDemand: 25_000, reserved: 21_000 } },
    { match: 'xeon', microsPerCoreHour: { flex: 11_000, onDemand: 20_000, reserved: 17_000 } },
    { match: '', microsPerCoreHour: { flex: 12_000, onDemand: 21_000, reserved: 18_000 } },
  ],
};
