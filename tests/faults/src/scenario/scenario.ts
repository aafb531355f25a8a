import type { FleetNode } from '@fornax/client';
import { between } from '@fornax/testing';
import { type Fault, type Target } from '../nemesis/fault.js';
import { type Oracle, describeDescriptors } from '../oracles/oracles.js';
import { resultScript } from '../oracles/payloads.js';
import { checkHistory } from '../history/check-history.js';
import { type Figures, countKinds, figuresOf, hollowness } from '../history/figures.js';
import { call, insist } from '../work.js';
import type { Testbed } from '../testbed/testbed.js';

/** What clients do while faults come. */
export interface Load {
  /** Tasks that are submitted, some of them before the first fault. */
  readonly tasks: number;
  readonly instances: readonly [number, number];
  readonly lastsMs: readonly [number, number];
  /** Milliseconds between two submits. */
  readonly everyMs: readonly [number, number];
  /** Part of the tasks that are aborted while they wait or run. */
  readonly abortedPart?: number;
  /** Lines of bash that each instance runs, with `$INSTANCE_ID` (see RecordedWork). */
  readonly script?: string;
  readonly bucket?: string;
  /** Size of a result of random bytes, whose checksum the recorder is told. */
  readonly resultBytes?: number;
}

export interface Scenario {
  /** What its tasks are called by. */
  readonly key: string;
  readonly name: string;
  /** Also in the short form, with `npm test`. */
  readonly isShort: boolean;
  /** Settings of the platform; scenarios with the same ones share one. */
  readonly env: Readonly<Record<string, string>>;
  /** Its faults set clocks of programs of ours. */
  readonly hasClocks?: boolean;
  /** Its faults set clocks of servers, which is possible on x64 only. */
  readonly hasServerClocks?: boolean;
  /** Size of a disk of its own, in bytes: needs the right to mount one. */
  readonly diskBytes?: number;
  /** A data folder of this release is begun with, under load at once. */
  readonly release?: string;
  /** It loses things, so it is not on a platform with those that must lose nothing. */
  readonly loses?: boolean;
  /** Parts of which there are two processes. */
  readonly twice?: readonly string[];
  readonly faults: readonly Fault[];
  readonly load: Load;
  readonly oracles: readonly Oracle[];
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Submits, and aborts some. Half of the clients insist, the others take what they are answered. */
const runLoad = async (bed: Testbed, name: string, load: Load): Promise<void> => {
  const aborts: Promise<void>[] = [];
  for (let n = 0; n < load.tasks; n += 1) {
    const key = `${name}${n}`;
    const script = [load.script, load.resultBytes === undefined ? undefined : resultScript(key, load.resultBytes)]
      .filter((line) => line !== undefined)
      .join('\n');
    const submission = {
      key,
      instances: between(bed.random, load.instances),
      lastsMs: between(bed.random, load.lastsMs),
      ...(script === '' ? {} : { script }),
      ...(load.bucket === undefined ? {} : { bucket: load.bucket }),
    };
    const insists = bed.random() < 0.5;
    const isAborted = bed.random() < (load.abortedPart ?? 0);
    const abortAfterMs = between(bed.random, load.lastsMs);
    if (insists) await bed.insistOn(submission);
    else await bed.submit(submission);
    if (isAborted) aborts.push(sleep(abortAfterMs).then(() => bed.abort(key)));
    await sleep(between(bed.random, load.everyMs));
  }
  await Promise.all(aborts);
};

/** Until something of the load runs: a fault before that would prove nothing. */
const untilRunning = (bed: Testbed, name: string): Promise<void> =>
  insist(() => {
    const runs = bed.recorder.runs().some(({ key, isOpen }) => isOpen && key.startsWith(name));
    return runs ? Promise.resolve() : Promise.reject(new Error('nothing runs'));
  }, 'an instance runs');

/** Until each node has joined: of an agent that is only starting, nothing that it holds can be compared with later. */
const untilJoined = (bed: Testbed): Promise<void> =>
  insist(async () => {
    const nodes = await call<readonly FleetNode[]>(bed.platform, 'GET', '/fornax/v1/nodes');
    const here = new Set(nodes.filter(({ status }) => status !== 'lost').map(({ id }) => id));
    const missing = (await bed.parts()).filter((part) => /^node-\d+$/.test(part) && !here.has(part));
    if (missing.length > 0) throw new Error(`${missing.join(', ')} did not join`);
  }, 'all nodes join');

/** What one round of a scenario came to. */
export interface Outcome {
  /** What the oracles found, nothing when all is well. */
  readonly found: readonly string[];
  readonly figures: Figures;
}

/** Runs one scenario. */
export const runScenario = async (bed: Testbed, scenario: Scenario, round: number): Promise<Outcome> => {
  const name = `${scenario.key}-${round}-`;
  const startedAt = performance.now();
  const { length: struckBefore } = bed.struck;
  const unproven: string[] = [];
  bed.note(`-- ${scenario.name}, round ${round}`);
  await untilJoined(bed);
  const before = await describeDescriptors(bed);
  const target: Target = bed;
  const nemesis = async (): Promise<void> => {
    // An upgrade is disturbed while it goes on.
    if (scenario.release === undefined) await untilRunning(bed, name);
    for (const fault of scenario.faults) {
      const { length: before } = bed.struck;
      await fault.inject(target);
      if (fault.isPreparation !== true && bed.struck.length === before)
        unproven.push(`nothing was struck by: ${fault.name}`);
    }
  };
  // Also when one of them fails the other one comes to its end: it would go on under the next scenario.
  for (const end of await Promise.allSettled([nemesis(), runLoad(bed, name, scenario.load)]))
    if (end.status === 'rejected') throw end.reason;
  const history = await bed.settle();
  const found = [...unproven];
  for (const oracle of scenario.oracles) found.push(...(await oracle(bed, history, before)));
  const anomalies = checkHistory(history);
  const counted = figuresOf(history, anomalies, name);
  const struck = bed.struck.slice(struckBefore);
  const figures: Figures = {
    scenario: scenario.name,
    seed: bed.seed,
    round,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    faults: struck.length,
    injected: countKinds(struck),
    ...counted,
    otherFaults: Math.max(0, found.length - counted.doubleRuns - counted.lost - counted.unbilled),
  };
  const hollow = hollowness(figures);
  return { found: [...found, ...hollow], figures: { ...figures, otherFaults: figures.otherFaults + hollow.length } };
};
