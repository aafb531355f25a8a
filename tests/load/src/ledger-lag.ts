import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager, type StreamAPI } from '@nats-io/jetstream';
import { STREAMS } from '@fornax/contracts';
import { OPERATOR_USER, startPostgres } from '@fornax/embedded';
import { connectNats } from '@fornax/event-store';
import { startPlatform } from '@fornax/testing/platform';
import pg from 'pg';
import { LoadClient, noOp } from './api.js';
import { natsCredentials } from './credentials.js';
import { withSimulatedNodes } from './measures.js';
import { nowMs, percentile } from './statistics.js';

interface Sample {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly head: number;
  readonly sequence: number;
}

const SAMPLE_EVERY_MS = 10;
const LOOK_EVERY_MS = 250;
const INSTANCES = 200;
const WARM_TASKS = 20;
const MOST_WAIT_MS = 120_000;

export interface LedgerLag {
  /** That the ledger wrote a line for, a second. */
  readonly completions: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const attemptsIn = async (client: LoadClient): Promise<number> =>
  (
    await client.call<{ readonly total: { readonly attempts: number } }>(
      'GET',
      '/fornax/v1/billing/statements?from=today&groupBy=plan',
    )
  ).total.attempts;

/** Looks at the log and at the rows of the ledger themselves: who asks the platform wakes what he asks about. */
const sampleOf = async (streams: StreamAPI, db: pg.Client): Promise<Sample> => {
  const askedAt = nowMs();
  const { state } = await streams.info(STREAMS.events);
  const { rows } = await db.query<{ sequence: string }>(
    `SELECT sequence FROM billing.projection_checkpoint WHERE projection = 'ledger'`,
  );
  return { askedAt, answeredAt: nowMs(), head: state.last_seq, sequence: Number(rows[0]?.sequence ?? 0) };
};

/** From when a commit was the last of the log until the ledger was seen to hold it: never less than it took. */
const lagsOf = (samples: readonly Sample[]): readonly number[] => {
  let next = 0;
  return samples.flatMap(({ head, askedAt }) => {
    while (next < samples.length && (samples[next]?.sequence ?? 0) < head) next += 1;
    const found = samples[next];
    return found ? [Math.max(0, found.answeredAt - askedAt)] : [];
  });
};

/** How far the ledger is behind the log, in milliseconds, while simulated nodes end `perSecond` instances a second for so many seconds. */
export const ledgerLag = async (perSecond: number, seconds: number): Promise<LedgerLag> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-ledger-'));
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
  const env = { FORNAX_LOG_LEVEL: 'warn', FORNAX_SIMULATED_FLEET: '1', FORNAX_NODES: '0' };
  const platform = await startPlatform({ env: { ...env, FORNAX_DATABASE_URL: postgres.url } });
  const nc = await connectNats({ ...(await natsCredentials(platform, OPERATOR_USER)), name: 'bench' });
  const { streams } = await jetstreamManager(nc);
  const db = new pg.Client({ connectionString: postgres.url });
  const [client, probe] = [new LoadClient(platform, 8), new LoadClient(platform, 1)];
  const submit = (name: string): Promise<unknown> => client.call('POST', '/tasks', noOp(name, INSTANCES));
  const linesFor = async (count: number): Promise<void> => {
    const until = nowMs() + MOST_WAIT_MS;
    while ((await attemptsIn(probe)) < count) {
      if (nowMs() > until) throw new Error(`the ledger has fewer than ${count} lines`);
      await delay(LOOK_EVERY_MS);
    }
  };
  try {
    await db.connect();
    return await withSimulatedNodes(platform, async () => {
      for (let task = 0; task < WARM_TASKS; task += 1) await submit(`warm ${task}`);
      await linesFor(WARM_TASKS * INSTANCES);
      const tasks = Math.ceil((perSecond * seconds) / INSTANCES);
      const started = nowMs();
      const submitted = (async () => {
        for (let task = 0; task < tasks; task += 1) {
          // By the clock, so that a slow answer is made up for.
          await delay(Math.max(0, started + (task * INSTANCES * 1_000) / perSecond - nowMs()));
          await submit(`paced ${task}`);
        }
      })();
      let isOver = false;
      const all = submitted
        .then(() => linesFor((WARM_TASKS + tasks) * INSTANCES))
        .then(() => nowMs())
        .finally(() => (isOver = true));
      const samples: Sample[] = [];
      while (!isOver) {
        samples.push(await sampleOf(streams, db));
        await delay(SAMPLE_EVERY_MS);
      }
      const endedAt = await all;
      const lags = lagsOf(samples);
      return {
        completions: (tasks * INSTANCES) / ((endedAt - started) / 1_000),
        p50: percentile(lags, 0.5),
        p99: percentile(lags, 0.99),
        max: Math.max(...lags),
      };
    });
  } finally {
    client.close();
    probe.close();
    await db.end();
    await nc.close();
    await platform.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
