import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { measurePower } from './power.js';

describe('power of a node', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-powercap-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const aPackage = async (name: string, energy: string, limit: string): Promise<void> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'energy_uj'), `${energy}\n`);
    await writeFile(join(folder, name, 'constraint_0_power_limit_uw'), `${limit}\n`);
  };

  it('is what the counters say, of packages and not of their parts', async () => {
    await aPackage('intel-rapl:0', '1000', '65000000');
    await aPackage('intel-rapl:1', '1000', '65000000');
    await aPackage('intel-rapl:0:0', 'none', 'none');
    const measured = measurePower(10, folder);
    await writeFile(join(folder, 'intel-rapl:0', 'energy_uj'), '1000');
    expect(await measured).toEqual({ idleMilliwatts: 0, coreMilliwatts: 13_000 });
  });

  it('is not known without counters, or where they are not shown', async () => {
    expect(await measurePower(4, folder)).toBeUndefined();
    expect(await measurePower(4, join(folder, 'none'))).toBeUndefined();
    await aPackage('intel-rapl:0', '', '65000000');
    await writeFile(join(folder, 'intel-rapl:0', 'energy_uj'), 'no number');
    expect(await measurePower(4, folder)).toBeUndefined();
  });
});
