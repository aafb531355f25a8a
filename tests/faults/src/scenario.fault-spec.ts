import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runScenario } from './scenario/scenario.js';
import { SCENARIOS } from './scenario/scenarios.js';
import { Testbed } from './scenario/testbed.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const rounds = Number(process.env['FORNAX_FAULT_ROUNDS'] ?? '1');
const isLong = process.env['FORNAX_FAULT_LONG'] === '1';
const chosen = SCENARIOS.filter(({ isShort }) => isShort || isLong);
const groups = [...Map.groupBy(chosen, ({ env, hasClocks }) => JSON.stringify({ env, hasClocks })).values()];
/** A round is load, faults, the time to settle, and a look at everything. */
const ROUND_MS = 600_000;

describe.each(groups.map((scenarios) => ({ scenarios, env: scenarios[0]?.env ?? {} })))(
  `under faults (seed ${seed}), platform with $env`,
  ({ scenarios, env }) => {
    let bed: Testbed;
    beforeAll(async () => {
      bed = await Testbed.open(
        seed,
        env,
        scenarios.some(({ hasClocks }) => hasClocks === true),
      );
      const twice = new Set(scenarios.flatMap((scenario) => scenario.twice ?? []));
      if (twice.size > 0) await bed.replicate([...twice]);
    });
    afterAll(async () => {
      await bed.close();
    });

    const turns = scenarios.flatMap((scenario) =>
      Array.from({ length: rounds }, (_, round) => ({ name: scenario.name, scenario, round })),
    );
    it.each(turns)(
      '$name, round $round',
      async ({ scenario, round }) => {
        const found = await runScenario(bed, scenario, round).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${bed.timeline}`, { cause: error });
        });
        // The timeline is what makes a failure readable, and the seed what repeats it.
        expect(found.length === 0 ? [] : [...found, bed.timeline]).toEqual([]);
      },
      ROUND_MS,
    );
  },
);
