import { describe, expect, it } from '@jest/globals';
import { countedFromZero, counterOf } from './metrics.js';
import { startTelemetry } from './start-telemetry.js';

describe('metrics of the catalogue', () => {
  it('take the labels that the catalogue has of them, and show 0 where they are counted from it', async () => {
    const telemetry = startTelemetry({ service: 'test' });
    countedFromZero('fornax.snapshots.not_taken', [{ reason: 'refused' }]);
    // @ts-expect-error nobody could tell what it says, nor how many values it has
    const tell = (taskId: string): void => counterOf('fornax.snapshots.not_taken').add(1, { taskId });
    expect(typeof tell).toBe('function');
    const { text } = await telemetry.metrics();
    expect(text).toContain('fornax_snapshots_not_taken_total{reason="refused"} 0');
    await telemetry.shutdown();
  });
});
