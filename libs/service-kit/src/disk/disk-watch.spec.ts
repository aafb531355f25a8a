import { describe, expect, it } from '@jest/globals';
import { tmpdir } from 'node:os';
import { pino } from 'pino';
import { HealthRegistry } from '../core/health.registry.js';
import { WriteStops } from '../core/write-stops.js';
import { DiskWatch, measureDisks, type Disk } from './disk-watch.js';

const LOW_BYTES = 100e6;

const setup = () => {
  const stops = new WriteStops(new HealthRegistry(), pino({ level: 'silent' }));
  let disks: readonly Disk[] = [];
  const watch = new DiskWatch(stops, {
    folders: ['/data', '/objects'],
    lowBytes: LOW_BYTES,
    measure: () => Promise.resolve(disks),
  });
  const refusals = async (...freeBytes: readonly number[]) => {
    disks = freeBytes.map((free, index) => ({ folders: [['/data', '/objects'][index] ?? ''], freeBytes: free }));
    await watch.look();
    return stops.list();
  };
  return { refusals, stops };
};

describe('the watch over free space', () => {
  it('refuses what users ask for below the reserve, and spares what the platform writes', async () => {
    const { refusals, stops } = setup();
    expect(await refusals(LOW_BYTES, 1e12)).toEqual([]);
    const [stop] = await refusals(1e12, LOW_BYTES - 1);
    expect(stop).toMatchObject({ name: 'disk', status: 507, spares: 'platform' });
    expect(stop?.message).toBe('Disk full: the platform has less than its reserve of 100 MB left');
    expect(stop?.ways).toEqual([expect.stringContaining('/objects')]);
    expect(() => stops.check('user')).toThrow('Disk full');
    expect(() => stops.check('platform')).not.toThrow();
  });

  it('keeps half of the reserve from what nodes store', async () => {
    const { refusals, stops } = setup();
    await refusals(LOW_BYTES * 0.5);
    expect(() => stops.check('node')).not.toThrow();
    expect(await refusals(1e12, LOW_BYTES * 0.5 - 1)).toMatchObject([{ status: 507, spares: 'log' }]);
    expect(() => stops.check('node')).toThrow('Disk full');
    expect(() => stops.check('platform')).not.toThrow();
    await refusals(LOW_BYTES * 0.5);
    expect(() => stops.check('node')).not.toThrow();
  });

  it('allows again when there is more than the reserve, not at its edge', async () => {
    const { refusals } = setup();
    await refusals(LOW_BYTES - 1);
    expect(await refusals(LOW_BYTES + 1)).toHaveLength(1);
    expect(await refusals(LOW_BYTES * 1.25)).toEqual([]);
    expect(await refusals(LOW_BYTES + 1)).toEqual([]);
  });

  it('measures each file system once, and leaves out folders that are not there', async () => {
    const [disk, ...others] = await measureDisks([tmpdir(), '/no/such/folder', tmpdir()]);
    expect(others).toEqual([]);
    expect(disk?.folders).toEqual([tmpdir(), tmpdir()]);
    expect(disk?.freeBytes).toBeGreaterThan(0);
  });
});
