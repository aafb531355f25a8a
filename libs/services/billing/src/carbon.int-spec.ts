import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aLease, anEnd, concluded, dispatched, nodeJoined, submitted } from '@fornax/testing';
import { billingRig, type BillingRig } from './billing-rig.fixture.js';
import { carbonFactsSchema } from './queries/wire-carbon.js';

const HOUR_MS = 3_600_000;
const BORDER = Date.parse('2026-01-01T00:00:00Z');

describe('carbon facts of many attempts', () => {
  let rig: BillingRig;
  beforeAll(async () => {
    const intensity = [
      { from: '2025-01-01T00:00:00Z', gramsPerKwh: 100 },
      { from: '2026-01-01T00:00:00Z', gramsPerKwh: 300 },
    ];
    const flat = [{ from: '2020-01-01T00:00:00Z', gramsPerKwh: 1_000 }];
    const carbon = {
      sites: { lyon: { pue: 1, intensity }, oslo: { pue: 2, intensity: flat } },
      datacenters: { other: { name: 'Other', pue: 1, intensity: flat } },
    };
    rig = await billingRig({ FORNAX_CARBON: JSON.stringify(carbon) });
    await rig.account('ada');
  }, 120_000);
  afterAll(() => rig?.close());

  it('are sums over nodes that draw alike and times in which no intensity changes, also of what crosses them', async () => {
    const power = { idleMilliwatts: 40_000, coreMilliwatts: 5_000 };
    for (const [name, site] of [
      ['lyon-1', 'lyon'],
      ['lyon-2', 'lyon'],
      ['oslo-1', 'oslo'],
    ] as const)
      await rig.append('node', name, [{ ...nodeJoined(name, { cores: 4, power, site }), at: 1 }]);
    const ended = (instance: number, node: string, from: number, until: number) =>
      anEnd(instance, { node, startedAt: BORDER + from * HOUR_MS, endedAt: BORDER + until * HOUR_MS });
    const ends = [
      ended(0, 'lyon-1', -1, 1),
      ended(1, 'lyon-2', -3, -1),
      ended(2, 'lyon-1', 1, 2),
      ended(3, 'oslo-1', -1, 1),
    ];
    const leases = ends.map(({ instance }) => aLease(instance));
    await rig.append(
      'task',
      'wide',
      [submitted('wide', { instances: '0-3' })],
      [dispatched(...leases)],
      [concluded(...ends)],
    );
    const { body } = await rig.get('/carbon/v1/tasks/wide/carbon-facts?comparisonDatacenter=other');
    const facts = carbonFactsSchema.parse(body);
    // A core has a quarter of 40 W, and 5 W: 15 Wh an hour, for seven hours; two of them at the double PUE.
    expect(facts.total_energy_it_Wh).toBe(105);
    expect(facts.total_consumed_energy_Wh).toBe(135);
    // In Lyon three hours at 100 g and two at 300 g, in Oslo two at 1,000 g.
    expect(facts.qarnot_carbon_footprint).toBeCloseTo((45 * 100 + 30 * 300 + 60 * 1_000) / 1_000, 6);
    expect(facts.equivalent_DC_carbon_footprint).toBeCloseTo(105, 6);
  });
});
