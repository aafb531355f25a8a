import { describe, expect, it } from '@jest/globals';
import type { Acknowledged } from '../core/log-store.js';
import { SubmitProof } from './submit-proof.js';

const AGE_MS = 60_000;

/** A log and a read model in memory; the rows come as far as `rows` lets them. */
const setUp = () => {
  const world = {
    now: 0,
    end: 0,
    rows: Number.POSITIVE_INFINITY,
    probes: 0,
    isStopped: false,
    last: undefined as Acknowledged | undefined,
    refusal: undefined as Error | undefined,
  };
  const store = (): number => {
    world.end += 1;
    world.last = { sequence: world.end, atMs: world.now };
    return world.end;
  };
  const proof = new SubmitProof({
    lastAcknowledged: () => world.last,
    isStopped: () => world.isStopped,
    probe: async () => {
      if (world.refusal) throw world.refusal;
      world.probes += 1;
      return store();
    },
    projections: ['status'],
    waitFor: async (_, sequence) => world.rows >= sequence,
    positionOf: () => Math.min(world.rows, world.end),
    clock: { elapsed: () => world.now },
    maxAgeMs: AGE_MS,
  });
  return { world, store, proof };
};

describe('the proof that a submit works', () => {
  it('is one probe before the first "ready", and another when the last commit is too old', async () => {
    const { world, proof } = setUp();
    expect(await proof.whyNot()).toBeUndefined();
    expect(world.probes).toBe(1);
    world.now = AGE_MS;
    expect(await proof.whyNot()).toBeUndefined();
    expect(world.probes).toBe(1);
    world.now = AGE_MS + 1;
    expect(await proof.whyNot()).toBeUndefined();
    expect(world.probes).toBe(2);
  });

  it('is written by whoever writes, so no probe is while there is traffic', async () => {
    const { world, store, proof } = setUp();
    for (let minute = 0; minute < 60; minute += 1) {
      world.now = minute * AGE_MS;
      store();
      expect(await proof.whyNot()).toBeUndefined();
    }
    expect(world.probes).toBe(0);
  });

  it('is shared by all who ask at once', async () => {
    const { world, proof } = setUp();
    await Promise.all(Array.from({ length: 100 }, () => proof.whyNot()));
    expect(world.probes).toBe(1);
  });

  it('is wanted again after anything has failed', async () => {
    const { world, store, proof } = setUp();
    store();
    world.last = undefined;
    world.refusal = new Error('no space left');
    expect(await proof.whyNot()).toMatch(/^write: .*no space left$/);
    world.refusal = undefined;
    expect(await proof.whyNot()).toBeUndefined();
    expect(world.probes).toBe(1);
  });

  it('is not written while nothing is to be', async () => {
    const { world, proof } = setUp();
    world.isStopped = true;
    expect(await proof.whyNot()).toBeUndefined();
    expect(world.probes).toBe(0);
  });

  it('names the projection that a probe has not come through, and writes no other one meanwhile', async () => {
    const { world, proof } = setUp();
    world.rows = 0;
    for (let ask = 0; ask < 10; ask += 1) expect(await proof.whyNot()).toMatch(/^read: projection status .* at 0$/);
    expect(world.probes).toBe(1);
    world.rows = 1;
    expect(await proof.whyNot()).toBeUndefined();
  });

  it('lets a projection be behind while it moves, and not when it stands still', async () => {
    const { world, store, proof } = setUp();
    await proof.whyNot();
    for (let second = 0; second < 60; second += 1) {
      world.now += 1_000;
      store();
      world.rows = world.end - 1;
      expect(await proof.whyNot()).toBeUndefined();
    }
    for (let second = 0; second < 10; second += 1) {
      world.now += 1_000;
      store();
      expect(await proof.whyNot()).toBeUndefined();
    }
    world.now += 2_000;
    store();
    expect(await proof.whyNot()).toMatch(/^read: projection status/);
  });

  it('does not trust a projection that nobody looked at while the last commit grew old', async () => {
    const { world, store, proof } = setUp();
    await proof.whyNot();
    world.rows = world.end;
    store();
    world.now += 11_000;
    expect(await proof.whyNot()).toMatch(/^read: projection status/);
  });
});
