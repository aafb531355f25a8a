import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { plotOfDay, simulatedDay } from './pool-day.fixture.js';

const FILE = fileURLToPath(new URL('../../../../../../docs/guide/pool-day.svg', import.meta.url));

describe('the day of a pool in the guide', () => {
  it('shows what the page says: by night two slots, by day four to twenty, and less than all wait for', () => {
    const { points, isComplete } = simulatedDay();
    const during = (policy: string) => points.filter((point) => point.policy === policy).map(({ open }) => open);
    expect(isComplete).toBe(true);
    expect(Math.min(...during('day'))).toBeGreaterThanOrEqual(4);
    expect(Math.max(...during('day'))).toBe(20);
    expect(during('night').at(-1)).toBe(2);
    expect(points.some(({ waiting }) => waiting > 0)).toBe(true);
  });

  it('is drawn by the rule that sizes pools (UPDATE_GENERATED=1 draws it anew)', async () => {
    if (process.env['UPDATE_GENERATED'] === '1') await writeFile(FILE, plotOfDay());
    expect(await readFile(FILE, 'utf8')).toBe(plotOfDay());
  });
});
