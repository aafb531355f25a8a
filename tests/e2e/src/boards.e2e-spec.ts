import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards, expressionsOf } from '@fornax/boards';
import { findFreePort } from '@fornax/embedded';
import { eventually, startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { clientsOf } from './clients.js';
import { joinNode } from './join-node.js';
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
  fornax_snapshots_not_taken_total: 'the snapshot service was away when one was due',
  fornax_orders_ignored_total: 'a scheduler was replaced',
  fornax_orders_unreadable_total: 'no scheduler of ours sends it',
  'status_code=~"5.."}[5m])) / sum': 'no request fails here',
};
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

  it.each(asked.filter(([, expression]) => isRare(expression)))('%s may ask for %s', async (_, expression) => {
    expect(await prometheus.countOf(expression)).toBeGreaterThanOrEqual(0);
  });
});

/** A little of all that boards show: a success with results, a failure with a retry, a snapshot, a task that waits, a pool. */
const work = async (platform: RunningPlatform): Promise<void> => {
  const { api, s3 } = clientsOf(platform);
  try {
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
