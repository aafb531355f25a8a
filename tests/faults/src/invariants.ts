import { FornaxClient } from '@fornax/client';
import { billFaults } from '@fornax/domain';
import { S3Client } from '@fornax/s3';
import type { RunningPlatform } from '@fornax/testing';
import { type Acknowledged, type LedgerLine, call, insist } from './work.js';

interface TaskView {
  readonly state: string;
  readonly errors: readonly { readonly message: string }[];
  readonly completedInstances: readonly {
    readonly instanceId: number;
    readonly state: string;
    readonly executionAttemptCount: number;
  }[];
  readonly status: { readonly succeededRange: string } | null;
}

interface Rebuilt {
  readonly differences: readonly { readonly table: string; readonly onlyLive: number; readonly onlyRebuilt: number }[];
}

const TERMINAL = new Set(['Success', 'Failure', 'Cancelled']);

/** Waits until the task is over, through whatever is broken meanwhile. */
const ending = (platform: RunningPlatform, task: Acknowledged): Promise<TaskView> =>
  insist(
    async () => {
      const view = await call<TaskView>(platform, 'GET', `/tasks/${task.uuid}`);
      if (!TERMINAL.has(view.state)) throw new Error(`${task.uuid} is ${view.state}`);
      return view;
    },
    `task ${task.uuid} ends`,
    120_000,
  );

/** What is wrong with the ledger of one task: exactly one line for each attempt, attempts without a gap, one success for each instance. */
const ledgerFaults = (task: Acknowledged, view: TaskView, lines: readonly LedgerLine[]): readonly string[] => {
  const faults: string[] = [];
  for (let instance = 0; instance < task.instances; instance += 1) {
    const own = lines.filter((line) => line.instance === instance);
    const attempts = view.completedInstances.find((done) => done.instanceId === instance)?.executionAttemptCount ?? 1;
    for (const { kind, detail } of billFaults(own, { least: attempts, most: attempts, isSuccess: true }))
      faults.push(`${task.uuid}/${instance}: ${kind}: ${detail}`);
  }
  if (lines.some((line) => line.instance >= task.instances))
    faults.push(`${task.uuid}: a line for an instance that does not exist`);
  return faults;
};

/** Every acknowledged task ends in success, each instance once, each attempt billed once. Returns what is wrong. */
export const taskFaults = async (
  platform: RunningPlatform,
  tasks: readonly Acknowledged[],
): Promise<readonly string[]> => {
  const faults: string[] = [];
  for (const task of tasks) {
    const view = await ending(platform, task);
    if (view.state !== 'Success')
      faults.push(`${task.uuid} is ${view.state}: ${view.errors.map(({ message }) => message).join('; ')}`);
    const done = view.completedInstances.map(({ instanceId }) => instanceId).sort((a, b) => a - b);
    const all = Array.from({ length: task.instances }, (_, index) => index);
    if (JSON.stringify(done) !== JSON.stringify(all))
      faults.push(`${task.uuid}: completed instances ${JSON.stringify(done)}`);
    const { lines } = await insist(
      () =>
        call<{ readonly lines: readonly LedgerLine[] }>(platform, 'GET', `/fornax/v1/billing/tasks/${task.uuid}/lines`),
      'read the ledger',
    );
    faults.push(...ledgerFaults(task, view, lines));
  }
  return faults;
};

/** What is wrong with the results: exactly one file for each instance of each task, with that instance's content, and nothing else. */
export const resultFaults = async (
  platform: RunningPlatform,
  bucket: string,
  tasks: readonly Acknowledged[],
): Promise<readonly string[]> => {
  const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = platform.clientEnv;
  const s3 = new S3Client({ endpoint: platform.storageUrl, accessKey, secretKey });
  try {
    const found = new Set((await s3.listObjects(bucket)).map(({ key }) => key));
    const faults: string[] = [];
    for (const { key, instances } of tasks) {
      for (let instance = 0; instance < instances; instance += 1) {
        const name = `${key}-${instance}.txt`;
        const content = found.delete(name) ? (await s3.getBytes(bucket, name)).toString() : 'nothing';
        if (content !== `${instance}\n`) faults.push(`${name} holds ${content}`);
      }
    }
    return [...faults, ...[...found].map((name) => `${name} belongs to no acknowledged task`)];
  } finally {
    s3.close();
  }
};

/** Attempts of these tasks that did not end in success: how often an instance had to run again. */
export const repeatedAttempts = async (platform: RunningPlatform, tasks: readonly Acknowledged[]): Promise<number> => {
  let repeated = 0;
  for (const { uuid } of tasks) {
    const { lines } = await call<{ readonly lines: readonly LedgerLine[] }>(
      platform,
      'GET',
      `/fornax/v1/billing/tasks/${uuid}/lines`,
    );
    repeated += lines.filter(({ outcome }) => outcome !== 'success').length;
  }
  return repeated;
};

/** Rebuilds every projection beside the live one and compares. Returns what differs. */
export const projectionFaults = async (platform: RunningPlatform): Promise<readonly string[]> => {
  const faults: string[] = [];
  const projections = await insist(
    () => call<readonly { readonly name: string }[]>(platform, 'GET', '/fornax/v1/projections'),
    'list projections',
  );
  if (!projections.some(({ name }) => name === 'status')) faults.push('there is no status projection');
  for (const { name } of projections) {
    const { differences } = await insist(
      () => call<Rebuilt>(platform, 'POST', `/fornax/v1/projections/${name}/rebuild?verify=true`),
      `rebuild ${name}`,
    );
    for (const { table, onlyLive, onlyRebuilt } of differences) {
      if (onlyLive + onlyRebuilt > 0)
        faults.push(`${name}.${table}: ${onlyLive} rows only live, ${onlyRebuilt} only rebuilt`);
    }
  }
  return faults;
};

/** What the platform finds when it audits its own log: the same invariants, looked at from inside. */
export const auditFaults = (platform: RunningPlatform): Promise<readonly string[]> =>
  insist(async () => {
    const client = new FornaxClient({ url: platform.apiUrl, token: platform.token });
    const faults: string[] = [];
    for await (const message of client.history.audit(AbortSignal.timeout(60_000)))
      if (message.type === 'finding') faults.push(JSON.stringify(message.finding));
    return faults;
  }, 'audit the log');
