import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { between } from '@fornax/testing';
import { auditFaults, projectionFaults, repeatedAttempts, resultFaults, taskFaults } from './invariants.js';
import { checkHistory } from './history/check-history.js';
import { countKinds, emptyRound, figuresOf } from './history/figures.js';
import { kill, powerCut } from './nemesis/fault.js';
import { history } from './oracles/oracles.js';
import { report } from './testbed/report.js';
import { Testbed } from './testbed/testbed.js';
import { type Acknowledged, untilSomethingRuns } from './work.js';

const rounds = Number(process.env['FORNAX_FAULT_ROUNDS'] ?? '1');
const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const PARTS = ['platform', 'node-1', 'nats', 'postgres'] as const;
const BUCKET = 'fault-results';

describe(`kill -9 with work in flight (seed ${seed})`, () => {
  const acknowledged: Acknowledged[] = [];
  let bed: Testbed;
  let serial = 0;
  const startedAt = performance.now();

  /** Instances take a moment and leave a file each. */
  const submitSome = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      serial += 1;
      const key = `fault-${seed}-${serial}`;
      const instances = between(bed.random, [1, 4]);
      const script = `echo hello from $INSTANCE_ID; echo $INSTANCE_ID > ${key}-$INSTANCE_ID.txt`;
      const uuid = await bed.insistOn({ key, instances, lastsMs: 500, script, bucket: BUCKET });
      acknowledged.push({ uuid, key, instances });
    }
  };

  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, between(bed.random, [0, 300])));

  beforeAll(async () => {
    bed = await Testbed.open({ seed });
  });

  afterAll(async () => {
    await bed.close();
  });

  const turns = Array.from({ length: rounds }, (_, round) => PARTS.map((part) => ({ round, part }))).flat();

  it.each(turns)('round $round: loses nothing when $part is killed', async ({ part }) => {
    await submitSome(3);
    await untilSomethingRuns(bed.platform, acknowledged.slice(-3));
    // The moment of the kill is part of the seed, so that different seeds hit different moments.
    await pause();
    await kill(part).inject(bed);
    await submitSome(2);
    expect(await taskFaults(bed.platform, acknowledged.slice(-5))).toEqual([]);
    // Else the kill would have hit nobody.
    if (part === 'node-1') expect(await repeatedAttempts(bed.platform, acknowledged.slice(-5))).toBeGreaterThan(0);
  });

  it('loses nothing when everything is killed at once and started again', async () => {
    await submitSome(4);
    await untilSomethingRuns(bed.platform, acknowledged.slice(-4));
    await powerCut.inject(bed);
    await submitSome(1);
    expect(await taskFaults(bed.platform, acknowledged.slice(-5))).toEqual([]);
  });

  it('keeps every task that was ever acknowledged, billed once for each attempt', async () => {
    expect(await taskFaults(bed.platform, acknowledged)).toEqual([]);
  });

  it('ran no instance twice at one time, and billed every run that was seen from outside', async () => {
    const seen = await bed.settle();
    const found = await history(bed, seen, new Map());
    const counted = figuresOf(seen, checkHistory(seen), `fault-${seed}-`);
    await report({
      ...emptyRound('kill -9 of each part, and of all at once', seed, 0),
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      faults: bed.struck.length,
      injected: countKinds(bed.struck),
      ...counted,
      otherFaults: Math.max(0, found.length - counted.doubleRuns - counted.lost - counted.unbilled),
    });
    expect(found).toEqual([]);
    expect(bed.struck).toHaveLength(turns.length + 1);
  });

  it('keeps exactly one result of each instance', async () => {
    expect(await resultFaults(bed.platform, BUCKET, acknowledged)).toEqual([]);
  });

  it('finds nothing when it audits its own log', async () => {
    expect(await auditFaults(bed.platform)).toEqual([]);
  });

  it('rebuilds every projection to what the live one holds', async () => {
    expect(await projectionFaults(bed.platform)).toEqual([]);
  });
});
