import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireRating } from '@fornax/client';
import { between } from '@fornax/testing';
import { auditFaults, projectionFaults } from './invariants.js';
import { kill } from './nemesis/fault.js';
import { Testbed } from './testbed/testbed.js';
import { heardOn, type Sight } from './testbed/sights.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
/** Lines that one commit of the log corrects. */
const LINES_PER_PART = 1_000;
/** More than one commit corrects. */
const INSTANCES = 1_200;
const SLOW_MS = 300_000;
const RATINGS = '/fornax/v1/billing/ratings';
const PRICES = '/fornax/v1/billing/prices';
/** Where the books are, and where the parts of a rating. */
const BOOKS = 'fx.ev.pricing.books';
const ALL = 'fx.ev.pricing.>';

describe(`kill -9 while the difference of a rating is booked (seed ${seed})`, () => {
  let bed: Testbed;
  let task = '';
  let turns = 0;
  /** Lines that each booking corrects. */
  let corrected: number | undefined;

  const get = <T>(path: string): Promise<T> => insist(() => call<T>(bed.platform, 'GET', path), `read ${path}`);
  const post = <T>(path: string, body: object): Promise<T> => call<T>(bed.platform, 'POST', path, body);
  const until = (id: string, state: WireRating['state']): Promise<WireRating> =>
    insist(
      async () => {
        const rating = await call<WireRating>(bed.platform, 'GET', `${RATINGS}/${id}`);
        if (rating.state !== state) throw new Error(`the rating is ${rating.state}: ${rating.reason ?? ''}`);
        return rating;
      },
      `the rating is ${state}`,
      SLOW_MS,
    );
  const lines = async (): Promise<number> =>
    (await get<{ readonly count: number }>(`/fornax/v1/billing/tasks/${task}/lines?limit=1`)).count;
  const rated = async (list: number): Promise<WireRating> => {
    const { id } = await insist(() => post<WireRating>(RATINGS, { from: 'today', list }), 'the day is rated');
    return until(id, 'done');
  };
  const anyMoment = (): Promise<Sight> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, between(bed.random, [0, 800]));
    return Promise.resolve({ seen: promise, stop: async () => clearTimeout(timer) });
  };

  beforeAll(async () => {
    bed = await Testbed.open({ seed, env: { FORNAX_SERVICES: '1', FORNAX_NODE_CORES: '16' } });
    const { uuid } = await post<{ readonly uuid: string }>('/tasks', {
      ...{ name: 'booked', profile: 'docker-batch', instanceCount: INSTANCES },
      constants: [{ key: 'DOCKER_CMD', value: 'true' }],
    });
    task = uuid;
    await insist(
      async () => {
        const { state } = await call<{ readonly state: string }>(bed.platform, 'GET', `/tasks/${uuid}`);
        if (state !== 'Success') throw new Error(`it is ${state}`);
      },
      'its instances have ended',
      SLOW_MS,
    );
    const first = await get<{ readonly work: object }>(`${PRICES}/1`);
    const work = { flex: '0.008', onDemand: '0.014', reserved: '0.012' };
    await post(PRICES, { ...first, work, validFrom: '2099-01-01T00:00:00Z' });
  }, SLOW_MS * 2);
  afterAll(() => bed.close());

  // The lists take turns, so each booking corrects every line of the one before.
  it.each<readonly [string, string, () => Promise<Sight>]>([
    ['billing', 'once it is decided', () => heardOn(bed, BOOKS, 1)],
    ['billing', 'once a part is booked', () => heardOn(bed, ALL, 2)],
    ['billing', 'once it is said to be booked', () => heardOn(bed, BOOKS, 2)],
    ['billing', 'at any moment', anyMoment],
    ['postgres', 'once a part is booked', () => heardOn(bed, ALL, 2)],
    ['postgres', 'at any moment', anyMoment],
  ])(
    'of %s %s: each line is corrected once',
    async (part, _, sight) => {
      const before = await lines();
      const list = (turns += 1) % 2 === 1 ? 2 : 1;
      const rating = await rated(list);
      expect(rating.sums.difference).not.toBe('0');
      const seen = await sight();
      const asked = insist(
        () => post(`${RATINGS}/${rating.id}/commit`, {}).catch((error: unknown) => booked(error)),
        'it is decided',
      );
      await seen.seen;
      await kill(part).inject(bed);
      await seen.stop();
      await asked;
      const { booked: added } = await until(rating.id, 'committed');
      // Attempts that took no time cost nothing by either list.
      expect(added).toBeGreaterThan(LINES_PER_PART);
      expect(await lines()).toBe(before + added);
      corrected ??= added;
      expect(added).toBe(corrected);
      const again = await rated(list);
      expect(again.sums).toMatchObject({ difference: '0', before: rating.sums.after });
      expect(await auditOfLedger()).toBe('');
    },
    SLOW_MS,
  );

  it(
    'leaves a log in which the audit finds nothing, and projections that rebuild to it',
    async () => {
      expect(await auditFaults(bed.platform)).toEqual([]);
      expect(await projectionFaults(bed.platform)).toEqual([]);
    },
    SLOW_MS,
  );

  /** What the audit of the ledger finds, as text. */
  const auditOfLedger = async (): Promise<string> => {
    const { code, output } = await insist(async () => {
      const typed = await bed.fornax('billing', 'audit');
      if (!/nothing is wrong|finding|FINDING|not billed|billed/.test(typed.output)) throw new Error(typed.output);
      return typed;
    }, 'the ledger is audited');
    return code === 0 ? '' : output;
  };
});

/** Whoever was killed may have decided it: then it is no error that it is. */
const booked = (error: unknown): undefined => {
  if (error instanceof Error && /is booked already/.test(error.message)) return undefined;
  throw error;
};
