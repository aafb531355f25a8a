import { describe, expect, it } from '@jest/globals';
import { HealthRegistry, statusOf } from './health.registry.js';

describe('health', () => {
  it('is ready when nothing says why not', async () => {
    const health = new HealthRegistry();
    health.readiness('a', () => undefined);
    health.readiness('b', () => Promise.resolve(undefined));
    expect(await health.check()).toEqual({ ready: true, reasons: [], degraded: [] });
  });

  it('names every reason, also of a check that fails', async () => {
    const health = new HealthRegistry();
    health.readiness('a', () => 'not migrated');
    health.readiness('d', () => ({ reason: 'gone', ways: ['bring it back'] }));
    health.readiness('b', () => Promise.reject(new Error('no connection')));
    health.readiness('c', () => {
      throw new Error('broken');
    });
    expect(await health.check()).toEqual({
      ready: false,
      reasons: [
        { name: 'a', reason: 'not migrated' },
        { name: 'd', reason: 'gone', ways: ['bring it back'] },
        { name: 'b', reason: 'no connection' },
        { name: 'c', reason: 'broken' },
      ],
      degraded: [],
    });
  });

  it('is degraded, and ready all the same, while a part does not work', async () => {
    const health = new HealthRegistry();
    const tell = health.follower('output');
    tell('the consumer was deleted');
    const check = await health.check();
    expect(check).toEqual({
      ready: true,
      reasons: [],
      degraded: [{ name: 'output', reason: 'cannot be followed: the consumer was deleted' }],
    });
    expect(statusOf(check)).toBe('degraded');
    tell(undefined);
    expect(statusOf(await health.check())).toBe('ready');
  });

  it('lets a later check replace an earlier one of the same name', async () => {
    const health = new HealthRegistry();
    health.readiness('a', () => 'not yet');
    health.readiness('a', () => undefined);
    expect((await health.check()).ready).toBe(true);
  });

  it('shows a warning that passes while there is one', () => {
    const health = new HealthRegistry();
    let text: string | undefined = 'a report cannot be read';
    health.warning('quarantine', () => text);
    expect(health.warnings()).toEqual(['a report cannot be read']);
    text = undefined;
    expect(health.warnings()).toEqual([]);
  });

  it('keeps each warning once', () => {
    const health = new HealthRegistry();
    health.warn('old server');
    health.warn('old server');
    expect(health.warnings()).toEqual(['old server']);
  });
});
