import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ghzOfCpuinfo } from './frequency.js';
import { InstanceMeter } from './instance-meter.js';

describe('the meter of an instance', () => {
  it('makes shares and rates of what was used since the last look', () => {
    const meter = new InstanceMeter(2);
    meter.begin(1_000);
    meter.measured({ cpuMs: 1_000, memoryMB: 10, receivedBytes: 1_000, sentBytes: 500 }, 2, 2_000);
    expect(meter.gauges(2_500)).toEqual({
      cpuUsage: 50,
      memoryMB: 10,
      networkInKbps: 8,
      networkOutKbps: 4,
      executionMs: 1_500,
      ghzSeconds: 2,
    });
    meter.measured({ cpuMs: 1_000, memoryMB: 12 }, 4, 3_000);
    expect(meter.gauges(3_000)).toMatchObject({ cpuUsage: 0, memoryMB: 12, networkInKbps: 0, ghzSeconds: 6 });
    meter.end(4, 4_000);
    expect(meter.gauges(9_000)).toMatchObject({ executionMs: 3_000, ghzSeconds: 10, memoryMB: 0 });
    expect(meter.averageGHz).toBeCloseTo(10 / 3, 2);
  });

  it('says nothing of an instance that never began', () => {
    const meter = new InstanceMeter(1);
    meter.measured({ cpuMs: 5 }, 2, 10);
    meter.end(2, 20);
    expect(meter.gauges(30)).toMatchObject({ executionMs: 0, cpuUsage: 0 });
    expect(meter.averageGHz).toBeUndefined();
  });

  it('stays within its bounds, whatever the counters do', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ cpuMs: fc.nat(1e6), memoryMB: fc.nat(1e6), receivedBytes: fc.nat(1e9), step: fc.nat(2_000) }),
        ),
        (looks) => {
          const meter = new InstanceMeter(1.5);
          meter.begin(0);
          let at = 0;
          for (const { step, ...use } of looks) {
            at += step;
            meter.measured(use, 3, at);
            const gauges = meter.gauges(at);
            for (const value of Object.values(gauges)) expect(value >= 0 && Number.isFinite(value)).toBe(true);
            expect(gauges.cpuUsage).toBeLessThanOrEqual(100);
          }
          meter.end(3, at);
          if (at > 0) expect(meter.averageGHz).toBeCloseTo(3, 2);
        },
      ),
    ));
});

describe('the frequency', () => {
  it('is the average of the cores', () =>
    expect(ghzOfCpuinfo('cpu MHz\t\t: 2000.000\nother : 1\ncpu MHz\t\t: 3000.0\n')).toBe(2.5));
  it('is not told by every machine', () => expect(ghzOfCpuinfo('BogoMIPS : 50\n')).toBeUndefined());
});
