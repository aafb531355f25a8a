import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards, expressionsOf, labelsOf } from '@fornax/boards';
import { findFreePort } from '@fornax/embedded';
import { eventually, startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { clientsOf } from './clients.js';
import { joinNode } from './join-node.js';
import { LABEL_VALUES } from './metric-labels.js';
import { samplesIn, sumOf, type Sample } from './metrics-text.js';
import { startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.js';
import { promtool, providePrometheus, startPrometheus, type Exemplar, type RunningPrometheus } from './prometheus.js';

const folder = join(workspaceRoot, 'infra/prometheus');
const rulesFile = join(folder, 'fornax.rules.yml');
interface Rule {
  readonly alert: string;
  readonly expr: string;
}
const rules = (parse(readFileSync(rulesFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

/** What a platform that works has nothing to show for, by a part of the expression, and why. */
const RARE: Readonly<Record<string, string>> = {
  fornax_write_stops: 'commands are refused only while something is wrong',
  fornax_intake_dropped_total: 'no honest sender causes it',
  fornax_billing_findings: 'the audit runs by the day',
  'status_code=~"5.."}[5m])) / sum': 'no request fails here',
};
/** What `work` and `endNode`'s node did. */
const FIGURES: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, expected: number])[] = [
  ['fornax_tasks_submitted_total', { plan: 'flex' }, 4],
  ['fornax_tasks_unfinished', {}, 2],
  ['fornax_tasks_ended_total', { plan: 'flex', outcome: 'success' }, 1],
  ['fornax_tasks_ended_total', { plan: 'flex', outcome: 'failure' }, 1],
  ['fornax_attempts_ended_total', { outcome: 'success', cause: 'none' }, 1],
  ['fornax_attempts_ended_total', { outcome: 'failure', cause: 'user' }, 1],
  ['fornax_attempts_requeued_total', { cause: 'user' }, 1],
  ['fornax_attempts_requeued_total', { cause: 'node-lost' }, 0],
  ['fornax_queue_instances', { plan: 'flex', reason: 'no-node-fits' }, 1],
  ['fornax_queue_instances', {}, 1],
  ['fornax_instance_queue_duration_count', { plan: 'flex' }, 4],
  ['fornax_instance_start_duration_count', { plan: 'flex' }, 4],
  ['fornax_scheduler_placements_total', {}, 4],
  ['fornax_leases_held', { phase: 'executing' }, 1],
  ['fornax_leases_held', {}, 1],
  ['fornax_nodes', { status: 'online' }, 1],
  ['fornax_nodes', {}, 1],
  ['fornax_pool_slots', {}, 0],
  ['fornax_snapshots_ended_total', { outcome: 'completed' }, 1],
  ['fornax_snapshots_ended_total', { outcome: 'failed' }, 0],
  ['fornax_webhooks', {}, 0],
  ['fornax_output_behind', {}, 0],
  ['fornax_billing_unrated', {}, 0],
  ['fornax_node_connects_total', { outcome: 'refused' }, 0],
  ['fornax_instances_total', { outcome: 'success' }, 1],
  ['fornax_instances_total', { outcome: 'failure' }, 2],
  ['fornax_leases', {}, 1],
];

/** Histograms of what happens in a trace. A round of the scheduler is for whatever waits: it belongs to none. */
const WITH_EXEMPLARS = [
  'http_server_request_duration',
  'fornax_s3_duration',
  'fornax_instance_queue_duration',
  'fornax_instance_start_duration',
];

const isRare = (expression: string): boolean => Object.keys(RARE).some((part) => expression.includes(part));

/** The left side of an alert is what it looks at; that it does not hold is what is hoped for. */
const looksAt = (expression: string): string => {
  const absent = /^absent\((.*)\)$/.exec(expression);
  if (absent) return absent[1] ?? '';
  return expression.split(/ (?:and|unless) on /)[0]?.replace(/ (?:==|[<>]) [\d.]+$/, '') ?? '';
};

describe('boards and alerts on a real Prometheus', () => {
  let programs: string;
  let receiver: OtlpReceiver;
  let platform: RunningPlatform;
  let prometheus: RunningPrometheus;
  let endNode: () => Promise<void>;
  /** What the platform and its node tell. */
  let read: () => Promise<Readonly<Record<'platform' | 'node', string>>>;

  beforeAll(async () => {
    programs = await providePrometheus();
    const nodePort = await findFreePort();
    receiver = await startOtlpReceiver();
    platform = await startPlatform({ env: { FORNAX_NODES: '0', FORNAX_OTLP_ENDPOINT: receiver.url } });
    const token = readFileSync(join(platform.dataDir, 'secrets/metrics-token'), 'utf8').trim();
    endNode = await joinNode(platform, 'watched', {
      FORNAX_NODE_HTTP_PORT: String(nodePort),
      FORNAX_METRICS_TOKEN: token,
    });
    const readOne = async (url: string): Promise<string> => {
      const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      return response.text();
    };
    read = async () => ({
      platform: await readOne(platform.apiUrl),
      node: await readOne(`http://127.0.0.1:${nodePort}`),
    });
    const targets = [
      { job: 'fornax', address: new URL(platform.apiUrl).host },
      { job: 'fornax-nodes', address: `127.0.0.1:${nodePort}` },
    ];
    prometheus = await startPrometheus(programs, { targets, token, rules: rulesFile });
    await work(platform);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await endNode?.();
    await platform?.stop();
    await receiver?.close();
  });

  it('the alerts are well-formed, wake somebody up when they should, and nobody when they should not', async () => {
    expect(await promtool(programs, folder, 'check', 'rules', 'fornax.rules.yml')).toContain(`${rules.length} rules`);
    expect(await promtool(programs, folder, 'check', 'config', '--syntax-only', 'prometheus.yml')).toContain('SUCCESS');
    expect(await promtool(programs, folder, 'test', 'rules', 'fornax.rules.test.yml')).toContain('SUCCESS');
    const tested = parse(readFileSync(join(folder, 'fornax.rules.test.yml'), 'utf8')) as { tests: { name: string }[] };
    const names = rules.flatMap(({ alert }) => [alert, `${alert} (quiet)`]);
    expect(tested.tests.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });

  it.each(FIGURES)('what happened is what %s %o says: %d', async (name, labels, expected) => {
    const from = name.startsWith('fornax_instances') || name === 'fornax_leases' ? 'node' : 'platform';
    await eventually(async () => sumOf(samplesIn((await read())[from]), name, labels) === expected, {
      timeoutMs: 30_000,
    });
  });

  it('what is billed is what statements add up to', async () => {
    const { api, s3 } = clientsOf(platform);
    s3.close();
    await eventually(
      async () => {
        const billed = sumOf(samplesIn((await read()).platform), 'fornax_billing_billed') ?? Number.NaN;
        const { total } = await api.billing.statement({ from: '2020-01-01', groupBy: 'user' });
        expect({ billed, isSome: billed > 0 }).toEqual({
          billed: expect.closeTo(Number(total.amount), 5),
          isSome: true,
        });
        return true;
      },
      { timeoutMs: 30_000 },
    );
  });

  const asked = [
    ...boards.flatMap((board) => expressionsOf(board).map((expression) => [board.uid, expression] as const)),
    ...rules.map(({ alert, expr }) => [alert, looksAt(expr)] as const),
  ];

  it.each(asked.filter(([, expression]) => !isRare(expression)))('%s shows something for %s', async (_, expression) => {
    await eventually(async () => (await prometheus.countOf(expression)) > 0, { timeoutMs: 30_000 });
  });

  it.each(WITH_EXEMPLARS)('%s leads to spans that were exported', async (metric) => {
    const name = `${metric}_bucket`;
    await eventually(
      async () => {
        const exemplars = await prometheus.exemplarsOf(name);
        const isExported = ({ traceId, spanId }: Exemplar): boolean =>
          receiver.spans(traceId).some((span) => span.spanId === spanId);
        return exemplars.length > 0 && exemplars.every((each) => each.metric === name && isExported(each));
      },
      { timeoutMs: 30_000 },
    );
  });

  it('labels hold what the code lists, whatever users and strangers send, and never an id or a name', async () => {
    const hostile = await attackLabels(platform);
    const texts = await read();
    const samples = Object.values(texts).flatMap(samplesIn);
    expect(samples.filter((sample) => sample.name !== 'target_info' && !areListed(sample))).toEqual([]);
    for (const text of Object.values(texts)) for (const value of hostile) expect(text).not.toContain(value);
  });

  it.each(asked.filter(([, expression]) => isRare(expression)))('%s may ask for %s', async (_, expression) => {
    expect(await prometheus.countOf(expression)).toBeGreaterThanOrEqual(0);
  });
});

const PER_HOUR = { flex: '1', onDemand: '1', reserved: '1' };
/** Such that what takes a moment costs something. */
const PRICES = { currency: 'EUR', work: PER_HOUR, hardware: [{ match: '', ...PER_HOUR }], minimum: '0.01' };

/** A little of all that boards show: a success with results, a failure with a retry, a snapshot, a task that waits, a pool. */
const work = async (platform: RunningPlatform): Promise<void> => {
  const { api, s3 } = clientsOf(platform);
  try {
    await api.billing.publishPrices(PRICES);
    for (const bucket of ['inputs', 'outputs', 'kept-files']) await s3.createBucket(bucket);
    await s3.putObject('inputs', 'a.txt', Buffer.from('a'));
    const submit = (name: string, command: string, more: object = {}): Promise<string> =>
      api.submitTask({
        name,
        profile: 'docker-batch',
        instanceCount: 1,
        constants: [{ key: 'DOCKER_CMD', value: `sh -c '${command}'` }],
        ...more,
      });
    const done = await submit('done', 'cp a.txt b.txt', { resourceBuckets: ['inputs'], resultBucket: 'outputs' });
    const failed = await submit('failed', 'exit 3', { maxRetriesPerInstance: 1 });
    const waits = await submit('waits', 'true', {
      hardwareConstraints: [{ discriminator: 'MinimumRamHardwareConstraint', minimumMemoryMB: 90_000_000 }],
    });
    const long = await submit('long', 'echo kept > kept.txt; exec sleep 600');
    await eventually(async () => (await api.getTask(long)).state === 'FullyExecuting');
    const snapshot = await api.snapshotTask(long, { bucket: 'kept-files' });
    await eventually(async () => (await api.getSnapshot(long, snapshot))['status'] === 'success', {
      timeoutMs: 30_000,
    });
    await eventually(async () => (await api.getTask(done)).state === 'Success');
    await eventually(async () => (await api.getTask(failed)).state === 'Failure');
    expect((await api.getTask(waits)).state).toBe('Submitted');
  } finally {
    s3.close();
  }
};

/** Whether the catalogue has the labels of a sample, and their values are of a list that the code holds. */
const areListed = ({ name, labels }: Sample): boolean => {
  const known = labelsOf(name);
  return Object.entries(labels).every(
    ([label, value]) => known.includes(label) && LABEL_VALUES[label]?.(value) === true,
  );
};

const MARK = 'hostile-7f3a';

/** Sends values of one's own wherever a label could come from. @returns what must not be found in any metric */
const attackLabels = async (platform: RunningPlatform): Promise<readonly string[]> => {
  const { api, s3 } = clientsOf(platform);
  const own = `${MARK}"},x="1\n`;
  try {
    await s3.createBucket(`${MARK}-bucket`);
    await s3.putObject(`${MARK}-bucket`, `${MARK}/key`, Buffer.from('x'));
    const task = await api.submitTask({
      name: own,
      shortname: `${MARK}-short`,
      tags: [own],
      profile: 'docker-batch',
      instanceCount: 1,
      resourceBuckets: [`${MARK}-bucket`],
      constants: [{ key: 'DOCKER_CMD', value: `sh -c 'exit 7'` }],
      labels: { [MARK]: MARK },
    });
    const headers = { authorization: platform.token, 'content-type': 'application/json' };
    const refused = { name: 'x', profile: MARK, instanceCount: 1, schedulingType: MARK };
    await fetch(`${platform.apiUrl}/tasks`, { method: 'POST', headers, body: JSON.stringify(refused) });
    for (const method of ['GET', 'PROPFIND', 'M-SEARCH'])
      for (const url of [platform.apiUrl, platform.storageUrl])
        await fetch(`${url}/${MARK}/${MARK}?${MARK}`, { method, headers: { ...headers, traceparent: MARK } });
    await s3.getObject(`${MARK}-bucket`, `${MARK}/none`).catch(() => undefined);
    await eventually(async () => (await api.getTask(task)).state === 'Failure', { timeoutMs: 30_000 });
    return [MARK, task];
  } finally {
    s3.close();
  }
};
