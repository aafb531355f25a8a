import { createHash, randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { OPERATOR_USER } from '@fornax/embedded';
import type { RecordedCommit } from '@fornax/contracts';
import { JetStreamLog, connectNats } from '@fornax/event-store';
import type { S3Client } from '@fornax/s3';
import { type RunningPlatform, eventually, startPlatform } from '@fornax/testing';
import { clientsOf, untilAllPrint } from './clients.js';
import { startCollectorIfThere, type RunningCollector } from './collector.js';
import { processesWith } from './launch.js';
import { type OtlpReceiver, type Span, startOtlpReceiver } from './otlp-receiver.js';

/** Every commit about a task, as it stands in the log. */
const commitsOf = async ({ dataDir }: RunningPlatform, task: string): Promise<readonly RecordedCommit[]> => {
  const { nats } = JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as {
    readonly nats: { readonly url: string };
  };
  const passwords = JSON.parse(await readFile(join(dataDir, 'secrets', 'nats.json'), 'utf8')) as Readonly<
    Record<string, string>
  >;
  const nc = await connectNats({
    url: nats.url,
    user: OPERATOR_USER,
    password: passwords[OPERATOR_USER] ?? '',
    name: 'tracing-spec',
  });
  const log = await JetStreamLog.open(nc);
  try {
    return await log.readAggregate('task', task);
  } finally {
    log.close();
    await nc.close();
  }
};

/** Names of a span and all that led to it, outermost first. */
const pathOf = (spans: readonly Span[], span: Span): readonly string[] => {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [...(parent ? pathOf(spans, parent) : []), span.name];
};

const filesBelow = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const filesWith = async (folder: string, values: readonly string[], except: RegExp): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const file of await filesBelow(folder)) {
    const name = relative(folder, file);
    if (except.test(name)) continue;
    const content = await readFile(file);
    if (values.some((value) => content.includes(value))) found.push(name);
  }
  return found;
};

/** Every line of every log in `logs`, by file. @throws SyntaxError a line is not JSON */
const logLines = async (
  dataDir: string,
): Promise<Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>> => {
  const folder = join(dataDir, 'logs');
  const read = async (name: string) =>
    [
      name,
      (await readFile(join(folder, name), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ] as const;
  return Object.fromEntries(await Promise.all((await readdir(folder)).map(read)));
};

/** A collector is built once on a machine, through Go. */
const BUILD_MS = 10 * 60_000;

// With a process for each service, what one process would know by itself has to travel.
describe.each([
  {
    mode: 'one process',
    env: {},
    services: ['platform'],
    submission: 'fornax-platform',
    metric: /^fornax_s3_duration_count\{operation="storeObject"\} 4$/m,
  },
  {
    mode: 'a process for each service',
    env: { FORNAX_SERVICES: '1' },
    services: ['submission', 'scheduler', 'node-registry', 'storage', 'billing', 'snapshot', 'router'],
    submission: 'fornax-submission',
    // The router speaks for itself: services are scraped one by one.
    metric: /^http_server_request_duration_count\{.*fornax_service="submission".*\} [1-9]/m,
  },
])('telemetry, with $mode', ({ env, services, submission, metric }) => {
  const secret = randomBytes(24).toString('hex');
  let receiver: OtlpReceiver;
  /** Between the platform and the receiver, with the configuration as shipped. */
  let collector: RunningCollector | undefined;
  let platform: RunningPlatform;
  let api: FornaxClient;
  let s3: S3Client;
  let task: string;
  let commits: readonly RecordedCommit[];
  let traceId: string;
  let commandLinesWithSecret: readonly number[];

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    collector = await startCollectorIfThere(receiver.url);
    const endpoint = collector?.url ?? receiver.url;
    platform = await startPlatform({ env: { FORNAX_OTLP_ENDPOINT: endpoint, FORNAX_LOG_LEVEL: 'debug', ...env } });
    ({ api, s3 } = clientsOf(platform));
    await s3.createBucket('traced');
    task = await api.submitTask({
      name: 'traced',
      profile: 'docker-batch',
      instanceCount: 2,
      resultBucket: 'traced',
      constants: [
        { key: 'QARNOT_SECRET_WORD', value: secret },
        {
          key: 'DOCKER_CMD',
          value: `sh -c 'printf %s "$QARNOT_SECRET_WORD" | sha256sum; echo $INSTANCE_ID > out-$INSTANCE_ID.txt; sleep 1'`,
        },
      ],
    });
    await eventually(async () => (await api.getTask(task)).runningInstanceCount > 0, { timeoutMs: 30_000 });
    commandLinesWithSecret = processesWith(secret);
    expect(await api.waitForTask(task)).toMatchObject({ state: 'Success' });
    commits = await commitsOf(platform, task);
    traceId = commits[0]?.meta.traceparent?.split('-')[1] ?? '';
  }, BUILD_MS);

  afterAll(async () => {
    s3?.close();
    await platform?.stop();
    await collector?.stop();
    await receiver?.close();
  });

  it('carries one trace from the submit over HTTP to the upload on the node', async () => {
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    const appendedIn = commits.map(({ meta }) => meta.traceparent?.split('-')[2]);
    // Each process sends its spans when it likes: those that appended are waited for one by one.
    const spans = await eventually(
      () => {
        const known = receiver.spans(traceId);
        const isThere = (name: string, times: number): boolean =>
          known.filter((span) => span.name === name).length === times;
        return (
          isThere('instance', 2) &&
          isThere('POST /tasks', 1) &&
          // Each of the two instances stores its result and its manifest.
          isThere('S3 storeObject', 4) &&
          appendedIn.every((id) => known.some(({ spanId }) => spanId === id)) &&
          known
        );
      },
      { timeoutMs: 30_000 },
    );
    const paths = spans.map((span) => [span.service, ...pathOf(spans, span)].join(' > '));
    const dispatch = 'POST /tasks > scheduler DispatchInstances';
    expect(paths).toEqual(
      expect.arrayContaining([
        `${submission} > POST /tasks`,
        `${submission.replace('submission', 'scheduler')} > ${dispatch}`,
        `fornax-node-agent > ${dispatch} > instance > prepare`,
        `fornax-node-agent > ${dispatch} > instance > run`,
        `fornax-node-agent > ${dispatch} > instance > upload`,
        `${submission.replace('submission', 'storage')} > ${dispatch} > instance > upload > S3 storeObject`,
        `${submission.replace('submission', 'scheduler')} > POST /tasks > scheduler RecordReports`,
      ]),
    );
    expect(spans.filter(({ parentSpanId }) => parentSpanId === undefined).map(({ name }) => name)).toEqual([
      'POST /tasks',
    ]);
    // An append happens in one of these spans: the events name it.
    const appending = appendedIn.map((id) => spans.find(({ spanId }) => spanId === id)?.name);
    expect(appending[0]).toBe('POST /tasks');
    for (const name of appending.slice(1))
      expect(name).toMatch(/^scheduler (DispatchInstances|RecordReports|RecordWaitingReason)$/);
  });

  it('names that trace in every event of the task', () => {
    const types = commits.flatMap(({ events }) => events.map(({ type }) => type));
    expect(types).toEqual(
      expect.arrayContaining([
        'TaskSubmitted',
        'InstancesDispatched',
        'InstancesStarted',
        'InstancesExited',
        'InstancesConcluded',
      ]),
    );
    expect(new Set(commits.map(({ meta }) => meta.traceparent?.split('-')[1]))).toEqual(new Set([traceId]));
  });

  it('shows metrics in the text format of Prometheus', async () => {
    const response = await fetch(`${platform.apiUrl}/metrics`, { headers: { authorization: platform.token } });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^text\/plain; version=0\.0\.4/),
    ]);
    const text = await response.text();
    expect(text).toMatch(/^# TYPE \w+ (counter|gauge|histogram)$/m);
    expect(text).toMatch(metric);
    expect(text).not.toContain(task);
  });

  it('logs JSON lines that name the trace', async () => {
    const logs = await logLines(platform.dataDir);
    expect(Object.keys(logs).sort()).toEqual([...services, 'node-1'].map((name) => `${name}.log`).sort());
    const lines = Object.values(logs).flat();
    for (const line of lines)
      expect(line).toMatchObject({
        level: expect.any(String),
        time: expect.any(String),
        service: expect.any(String),
        msg: expect.any(String),
      });
    expect(lines.filter((line) => line['trace_id'] === traceId)).toContainEqual(
      expect.objectContaining({ msg: 'answered', 'http.route': '/tasks' }),
    );
  });

  it('sends log lines that join their spans by the trace id', async () => {
    const joined = await eventually(
      () => {
        const spans = receiver.spans(traceId);
        const lines = receiver.lines(traceId);
        return lines.some(({ text }) => text === 'answered') && { spans, lines };
      },
      { timeoutMs: 30_000 },
    );
    expect(joined.lines).toContainEqual(
      expect.objectContaining({ service: submission, text: 'answered', severity: 'debug' }),
    );
    const exported = new Set(joined.spans.map(({ spanId }) => spanId));
    expect(joined.lines.filter(({ spanId }) => !exported.has(spanId))).toEqual([]);
  });

  it('lets no secret and no token out of where they are kept', async () => {
    // The instances had it: they printed its hash.
    await untilAllPrint(api, task, 2, createHash('sha256').update(secret).digest('hex'));
    expect((await api.getTask(task)).constants).toContainEqual({ key: 'QARNOT_SECRET_WORD', value: '[SECRET]' });
    expect(commandLinesWithSecret).toEqual([]);
    process.kill(platform.launcherPid, 'SIGTERM');
    // Now everything is on the disk.
    expect(await platform.exited).toBe(0);
    expect(await filesWith(platform.dataDir, [task], /^(logs|runtime)/)).not.toEqual([]);
    expect(await filesWith(platform.dataDir, [secret, platform.token], /^(env|secrets\/.*)$/)).toEqual([]);
    expect(platform.output()).not.toContain(platform.token);
    // What is left to tell is sent at the end, by the collector as well.
    await collector?.stop();
    collector = undefined;
    expect([...receiver.metrics()]).toEqual(
      expect.arrayContaining(['fornax.instances', 'fornax.s3.duration', 'http.server.request.duration']),
    );
  });
});
