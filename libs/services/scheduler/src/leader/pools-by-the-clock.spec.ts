import { describe, expect, it } from '@jest/globals';
import type { PoolEvent, PoolSpec } from '@fornax/domain';
import { InMemoryLog } from '@fornax/event-store';
import { nodeJoined } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { poolCreated } from './leader-pools.fixture.js';
import { rig, startedReport, type Rig } from './leader-rig.fixture.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];

/** The policies of a pool: two slots during a window of every day, else one. */
const windowed = (startMs: number, endMs: number): Partial<PoolSpec> => ({
  size: {
    type: 'policies',
    policies: [
      { type: 'Fixed', name: 'window', slots: 2, periods: [{ type: 'Weekly', days: EVERY_DAY, startMs, endMs }] },
      { type: 'Fixed', name: 'rest', slots: 1, periods: [{ type: 'Always' }] },
    ],
  },
});

const sizesOf = async (one: Rig): Promise<readonly (readonly [string | null, string, string])[]> =>
  (await one.log.readAggregate('pool', 'p')).flatMap(({ events }) =>
    (events as readonly PoolEvent[]).flatMap((event) =>
      event.type === 'PoolResized' ? [[event.policyName, event.opened, event.closed] as const] : [],
    ),
  );

/** A leader whose clock shows `at`, and a pool that it has sized. */
const pooled = async (at: number, spec: Partial<PoolSpec>): Promise<Rig> => {
  const one = rig(new InMemoryLog());
  one.now = at;
  await one.lead();
  await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8, slots: true }));
  await one.append('pool', 'p', 0, poolCreated(spec));
  await eventually(async () => (await sizesOf(one)).length === 1 && one.leases().length > 0);
  await one.report('n1', 1, ...one.leases().map(startedReport));
  return one;
};

/** Less than the time to the border that a timer is set for: it has to look again there, not once. */
const BEFORE_MS = 40;

describe('the active policy of a pool', () => {
  it.each([
    ['where a window begins', Date.UTC(2026, 5, 3, 8), windowed(8 * HOUR_MS, 18 * HOUR_MS), ['rest', 'window']],
    ['where it ends', Date.UTC(2026, 5, 3, 18), windowed(8 * HOUR_MS, 18 * HOUR_MS), ['window', 'rest']],
    ['at midnight', Date.UTC(2026, 5, 4), windowed(0, 6 * HOUR_MS), ['rest', 'window']],
    [
      'where a window over midnight ends',
      Date.UTC(2026, 5, 4, 6),
      windowed(22 * HOUR_MS, 6 * HOUR_MS),
      ['window', 'rest'],
    ],
    ['at the end of a year', Date.UTC(2027, 0, 1), windowed(0, 6 * HOUR_MS), ['rest', 'window']],
    ['at the end of a leap day', Date.UTC(2028, 2, 1), windowed(12 * HOUR_MS, DAY_MS), ['window', 'rest']],
  ] as const)('changes by itself %s, and not before', async (_, border, spec, [before, after]) => {
    const one = await pooled(border - BEFORE_MS, spec);
    expect(await sizesOf(one)).toEqual([[before, expect.anything(), '']]);
    // Its timer may have come by now; the clock has not moved, so nothing has changed.
    await one.append('node', 'n2', 0, nodeJoined('n2', { cores: 8, slots: true }));
    expect((await sizesOf(one)).map(([name]) => name)).toEqual([before]);
    one.now = border;
    await eventually(async () => (await sizesOf(one)).length === 2);
    const [, [name, opened, closed] = []] = await sizesOf(one);
    expect([name, opened, closed]).toEqual(
      after === 'window' ? ['window', '1', ''] : ['rest', '', expect.stringMatching(/^[01]$/)],
    );
  });

  it('stays through midnight and the end of a year in a window that goes on over them', async () => {
    const one = await pooled(Date.UTC(2026, 11, 31, 23, 59, 59), windowed(22 * HOUR_MS, 6 * HOUR_MS));
    one.now = Date.UTC(2027, 0, 1, 0, 0, 1);
    await one.append('node', 'n2', 0, nodeJoined('n2', { cores: 8, slots: true }));
    await eventually(() => one.leases().length === 2);
    expect((await sizesOf(one)).map(([name]) => name)).toEqual(['window']);
  });
});
