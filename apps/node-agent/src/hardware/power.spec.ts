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

  const aPackage = async (name: string, energy: string, limit: string, called = 'package-0'): Promise<void> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'name'), `${called}\n`);
    await writeFile(join(folder, name, 'energy_uj'), `${energy}\n`);
    await writeFile(join(folder, name, 'constraint_0_power_limit_uw'), `${limit}\n`);
  };

  it('is what the counters say, of packages and not of their parts', async () => {
    await aPackage('intel-rapl:0', '1000', '65000000');
    await aPackage('intel-rapl:1', '1000', '65000000', 'package-1-die-0');
    await aPackage('intel-rapl:0:0', 'none', 'none');
    const measured = measurePower(10, folder);
    await writeFile(join(folder, 'intel-rapl:0', 'energy_uj'), '1000');
    expect(await measured).toEqual({ idleMilliwatts: 0, coreMilliwatts: 13_000 });
  });

  it('is counted once where the whole machine has a counter of its own, which counts its packages too', async () => {
    await aPackage('intel-rapl:0', '1000', '65000000');
    await aPackage('intel-rapl:1', '1000', '200000000', 'psys');
    expect(await measurePower(10, folder)).toEqual({ idleMilliwatts: 0, coreMilliwatts: 6_500 });
    await rm(join(folder, 'intel-rapl:0'), { recursive: true });
    expect(await measurePower(10, folder)).toBeUndefined();
  });

  it('is not known without counters, or where they are not shown', async () => {
    expect(await measurePower(4, folder)).toBeUndefined();
    expect(await measurePower(4, join(folder, 'none'))).toBeUndefined();
    await aPackage('intel-rapl:0', '', '65000000');
    await writeFile(join(folder, 'intel-rapl:0', 'energy_uj'), 'no number');
    expect(await measurePower(4, folder)).toBeUndefined();
  });
});
