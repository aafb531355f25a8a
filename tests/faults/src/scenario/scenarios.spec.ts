import { describe, expect, it } from '@jest/globals';
import { history } from '../oracles/oracles.js';
import { payloads } from '../oracles/payloads.js';
import { SCENARIOS } from './scenarios.js';

describe('the scenarios of the fault suite', () => {
  it('have names and keys of their own', () => {
    for (const ids of [SCENARIOS.map(({ name }) => name), SCENARIOS.map(({ key }) => `${key}-0-`)])
      expect(ids.filter((id) => ids.filter((other) => other.startsWith(id)).length > 1)).toEqual([]);
  });

  it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    'do something, and look at what came of it: %s',
    (_, { faults, load, oracles }) => {
      expect(faults.some(({ isPreparation }) => isPreparation !== true)).toBe(true);
      expect(load.tasks).toBeGreaterThan(0);
      expect(oracles).toContain(history);
      expect(oracles.includes(payloads)).toBe(load.resultBytes !== undefined);
    },
  );
});
