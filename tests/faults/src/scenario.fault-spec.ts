import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Figures } from './history/figures.js';
import { progress, report } from './scenario/report.js';
import { runScenario, type Scenario } from './scenario/scenario.js';
import { SCENARIOS } from './scenario/scenarios.js';
import { Testbed } from './scenario/testbed.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const rounds = Number(process.env['FORNAX_FAULT_ROUNDS'] ?? '1');
const isLong = process.env['FORNAX_FAULT_LONG'] === '1';
const chosen = SCENARIOS.filter(({ isShort }) => isShort || isLong);
const groups = [
  ...Map.groupBy(chosen, ({ env, hasClocks, diskBytes, release, loses }) =>
    JSON.stringify({ env, hasClocks, diskBytes, release, loses }),
  ).values(),
];
/** A round is load, faults, the time to settle, and a look at everything. */
const ROUND_MS = 600_000;

/** A disk of its own is mounted, which not everybody may. */
const isPossible = (scenarios: readonly Scenario[]): boolean =>
  process.getuid?.() === 0 || scenarios.every(({ diskBytes }) => diskBytes === undefined);
const skipped = ({ name }: Scenario, round: number): Figures => ({
  scenario: name,
  seed,
  round,
  seconds: 0,
  faults: 0,
  tasks: 0,
  instances: 0,
  runs: 0,
  doubleRuns: 0,
  lost: 0,
  unbilled: 0,
  otherFaults: 0,
  skipped: 'only root may mount a disk of its own',
});

describe.each(groups.map((scenarios) => ({ scenarios, env: scenarios[0]?.env ?? {} })))(
  `under faults (seed ${seed}), platform with $env`,
  ({ scenarios, env }) => {
    let bed: Testbed | undefined;
    beforeAll(async () => {
      const { diskBytes, release } = scenarios[0] ?? {};
      if (!isPossible(scenarios)) return;
      bed = await Testbed.open({
        seed,
        env,
        hasClocks: scenarios.some(({ hasClocks }) => hasClocks === true),
        ...(diskBytes === undefined ? {} : { diskBytes }),
        ...(release === undefined ? {} : { release }),
      });
      const twice = new Set(scenarios.flatMap((scenario) => scenario.twice ?? []));
      if (twice.size > 0) await bed.replicate([...twice]);
    });
    afterAll(async () => {
      await bed?.close();
    });

    const turns = scenarios.flatMap((scenario) =>
      Array.from({ length: rounds }, (_, round) => ({ name: scenario.name, scenario, round })),
    );
    it.each(turns)(
      '$name, round $round',
      async ({ scenario, round }) => {
        if (!isPossible(scenarios)) return report(skipped(scenario, round));
        const current = bed;
        if (current === undefined) throw new Error('there is no platform');
        const { found, figures } = await runScenario(current, scenario, round).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${current.timeline}`, { cause: error });
        });
        for (const line of found) progress(`WRONG: ${line}`);
        await report(figures);
        // The timeline is what makes a failure readable, and the seed what repeats it.
        expect(found.length === 0 ? [] : [...found, current.timeline]).toEqual([]);
      },
      ROUND_MS,
    );
  },
);
