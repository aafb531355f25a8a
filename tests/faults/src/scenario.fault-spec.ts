import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Figures, countKinds, emptyRound } from './history/figures.js';
import { canSetClocks } from './nemesis/wall-clock.js';
import { progress, report } from './testbed/report.js';
import { runScenario, type Scenario } from './scenario/scenario.js';
import { SCENARIOS } from './scenario/scenarios.js';
import { Testbed } from './testbed/testbed.js';

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

/** Why a scenario cannot be run here. */
const obstacleOf = ({ diskBytes, hasServerClocks }: Scenario): string | undefined => {
  if (diskBytes !== undefined && process.getuid?.() !== 0) return 'only root may mount a disk of its own';
  return hasServerClocks === true && !canSetClocks ? 'clocks of servers can be set on Linux on x64 only' : undefined;
};
const skipped = ({ name }: Scenario, round: number, why: string): Figures => ({
  ...emptyRound(name, seed, round),
  skipped: why,
});

describe.each(groups.map((scenarios) => ({ scenarios, env: scenarios[0]?.env ?? {} })))(
  `under faults (seed ${seed}), platform with $env`,
  ({ scenarios, env }) => {
    let bed: Testbed | undefined;
    beforeAll(async () => {
      const { diskBytes, release } = scenarios[0] ?? {};
      if (scenarios.every((scenario) => obstacleOf(scenario) !== undefined)) return;
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
        const obstacle = obstacleOf(scenario);
        if (obstacle !== undefined) return report(skipped(scenario, round, obstacle));
        const current = bed;
        if (current === undefined) throw new Error('there is no platform');
        const { length: before } = current.struck;
        const { found, figures } = await runScenario(current, scenario, round).catch(async (error: unknown) => {
          // It has its row in the closing table, too.
          progress(`WRONG: ${String(error)}`);
          const struck = current.struck.slice(before);
          const broken = { faults: struck.length, injected: countKinds(struck), otherFaults: 1 };
          await report({ ...emptyRound(scenario.name, seed, round), ...broken });
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
