import type {
  BulkTaskResult,
  TaskCreation,
  WireOwnedTaskSummary,
  WireProfile,
  WireTask,
  WireUserInfo,
} from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import { ApiError } from './api-error.js';
import { ApiConnection, type FornaxClientOptions } from './api-connection.js';
import { BucketsClient } from './buckets-client.js';
import { delay } from './delay.js';
import { FleetClient } from './fleet-client.js';
import { HistoryClient } from './history-client.js';
import { BillingClient } from './billing-client.js';
import { JobsClient } from './jobs-client.js';
import { KeysClient } from './keys-client.js';
import { SecretsClient } from './secrets-client.js';
import { LogClient } from './log-client.js';
import { NodeAccessClient } from './node-access-client.js';
import { InstanceSessionsClient } from './instance-sessions-client.js';
import { isOver } from './is-over.js';
import { followTail, type TailEvent } from './output-tail.js';
import { answeredOnce, patiently, type OnAway } from './patience.js';
import { allPages, type ListOptions } from './pages.js';
import { PeopleClient } from './people-client.js';
import { PoolsClient } from './pools-client.js';
import { ProfilesClient } from './profiles-client.js';
import { ProjectionsClient } from './projections-client.js';
import { ResultsClient } from './results-client.js';
import { SnapshotsClient } from './snapshots-client.js';
import { StorageClient } from './storage-client.js';
import { taskPage, type ListedTask } from './task-page.js';
import { trusted, type Bill, type Health, type SnapshotRequest } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/tasks.js'));

/** A task to submit: `name` and a number of instances; the rest is optional (contract, 3.1). */
export type NewTask = Partial<TaskCreation> & Pick<TaskCreation, 'name'>;

/** Which instances of a task make another task: all, the failed, the cancelled, or both of these. */
export type Repetition = 'clone' | 'retry' | 'resume' | 'recover';

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Waits out that the platform cannot be reached or is busy, and is told of it; absent: that is thrown. */
  readonly onAway?: OnAway;
  /** Called with every state that was seen, in order. */
  readonly onChange?: (task: WireTask) => void;
  /** Shortest and longest time between two looks; it grows while nothing changes. */
  readonly minPollMs?: number;
  readonly maxPollMs?: number;
}

export type Output = 'stdout' | 'stderr';

export interface OutputOptions {
  /** Whose: of a task when absent; of a pool, its slots are the instances. */
  readonly kind?: 'tasks' | 'pools';
  /** All instances when absent. */
  readonly instance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told that the platform cannot be reached, once for each time; that is waited out. */
  readonly onAway?: OnAway;
}

const BILL_PAGE = 5_000;
const END_MS = 10_000;
/** No byte of a range is there (RFC 9110, section 15.5.17). */
const RANGE_NOT_SATISFIABLE = 416;
const noneThere = (error: unknown): undefined => {
  if (error instanceof ApiError && error.status === RANGE_NOT_SATISFIABLE) return undefined;
  throw error;
};

/** The public REST API, typed. Every call throws ApiError when the API says no. Safe to share. */
export class FornaxClient {
  private readonly connection: ApiConnection;
  /** Machines that become nodes: one-time tokens, keys. */
  readonly nodeAccess: NodeAccessClient;
  readonly fleet: FleetClient;
  readonly buckets: BucketsClient;
  /** Users, tokens, projects, organizations and quotas. */
  readonly people: PeopleClient;
  /** What the event log makes possible: history, time travel, live events, webhooks. */
  readonly history: HistoryClient;
  readonly jobs: JobsClient;
  readonly billing: BillingClient;
  readonly pools: PoolsClient;
  /** Profiles that people publish. */
  readonly publishedProfiles: ProfilesClient;
  /** Results of tasks. */
  readonly results: ResultsClient;
  readonly sessions: InstanceSessionsClient;
  readonly snapshots: SnapshotsClient;
  /** What lies in object storage. */
  readonly storage: StorageClient;
  readonly keys: KeysClient;
  readonly secrets: SecretsClient;
  readonly projections: ProjectionsClient;
  readonly log: LogClient;

  constructor(private readonly options: FornaxClientOptions) {
    this.connection = new ApiConnection(options);
    const { json, stream } = this.connection;
    this.nodeAccess = new NodeAccessClient(json);
    this.fleet = new FleetClient(json);
    this.buckets = new BucketsClient(json);
    this.people = new PeopleClient(json);
    this.history = new HistoryClient(json, stream);
    this.billing = new BillingClient(json, stream);
    this.jobs = new JobsClient(json, (path) => this.connection.text('GET', path));
    this.pools = new PoolsClient(json);
    this.publishedProfiles = new ProfilesClient(json);
    this.results = new ResultsClient(json);
    this.sessions = new InstanceSessionsClient(json);
    this.snapshots = new SnapshotsClient(json);
    this.storage = new StorageClient(json);
    this.keys = new KeysClient(json);
    this.secrets = new SecretsClient(json);
    this.projections = new ProjectionsClient(json);
    this.log = new LogClient(json);
  }

  /** Where the API is. */
  get url(): string {
    return this.connection.base;
  }

  /** The same client, whose commands say why. */
  because(reason: string): FornaxClient {
    return new FornaxClient({ ...this.options, reason });
  }

  /** The same client, which reads as another account: for operators, and inside an organization for its coordinators and auditors. */
  readingAs(readAs: string): FornaxClient {
    return new FornaxClient({ ...this.options, readAs });
  }

  info(): Promise<WireUserInfo> {
    return this.connection.json('GET', '/info', schema('userInfoSchema'));
  }

  /** Where the S3 endpoint is; null when the platform has none. */
  async storageUrl(): Promise<string | null> {
    return (await this.connection.json('GET', '/settings', schema('settingsSchema'))).storage;
  }

  /** Where the S3 endpoint is, null without one, and the caller's keys there. */
  async storageAccess(): Promise<{
    readonly url: string | null;
    readonly accessKey: string;
    readonly secretKey: string;
  }> {
    const [url, { email }] = await Promise.all([this.storageUrl(), this.info()]);
    return { url, accessKey: email, secretKey: this.options.token };
  }

  async profiles(): Promise<readonly string[]> {
    return this.connection.json('GET', '/profiles', trusted<readonly string[]>());
  }

  profile(name: string): Promise<WireProfile> {
    return this.connection.json('GET', `/profiles/${encodeURIComponent(name)}`, schema('profileSchema'));
  }

  /** @returns the new task's uuid */
  async submitTask(task: NewTask): Promise<string> {
    const call = { body: task, key: process.getBuiltinModule('node:crypto').randomUUID() };
    return (await answeredOnce(() => this.connection.json('POST', '/tasks', schema('createdSchema'), call))).uuid;
  }

  /** One answer for each task, in order; some may have failed. */
  async submitTasks(tasks: readonly NewTask[]): Promise<readonly BulkTaskResult[]> {
    return this.connection.json('POST', '/tasks', schema('bulkTaskResultsSchema'), { body: tasks });
  }

  /** @param id uuid or shortname */
  getTask(id: string, signal?: AbortSignal): Promise<WireTask> {
    return this.connection.json('GET', `/tasks/${encodeURIComponent(id)}`, schema('taskSchema'), { signal });
  }

  /** Tasks, newest first. */
  async listTasks(options: ListOptions = {}): Promise<readonly ListedTask[]> {
    return allPages(this.connection.json, '/tasks/summaries/paginate', taskPage, options);
  }

  /** All tasks of a project that an organization shares, with their owners, newest first. @param project id */
  async listProjectTasks(project: string, options: ListOptions = {}): Promise<readonly WireOwnedTaskSummary[]> {
    const path = `/fornax/v1/projects/${encodeURIComponent(project)}/tasks/paginate`;
    return allPages<WireOwnedTaskSummary>(this.connection.json, path, schema('ownedTaskPageSchema'), options);
  }

  /** All tasks with everything that is known about them. */
  async listFullTasks(): Promise<readonly WireTask[]> {
    return allPages<WireTask>(this.connection.json, '/tasks/paginate', schema('taskPageSchema'));
  }

  async abortTask(id: string): Promise<void> {
    await this.connection.text('POST', `/tasks/${encodeURIComponent(id)}/abort`);
  }

  /** Makes a task from another one. @param changes what it is to have otherwise @returns the new task's uuid */
  async repeatTask(id: string, kind: Repetition, changes: Partial<NewTask> = {}): Promise<string> {
    return (
      await this.connection.json('POST', `/tasks/${encodeURIComponent(id)}/${kind}`, schema('createdSchema'), {
        body: changes,
      })
    ).uuid;
  }

  /** Brings new and changed resources to the instances that run. */
  async updateResources(id: string): Promise<void> {
    await this.connection.text('PATCH', `/tasks/${encodeURIComponent(id)}`);
  }

  async deleteTask(id: string): Promise<void> {
    await this.connection.text('DELETE', `/tasks/${encodeURIComponent(id)}`);
  }

  /** Everything a task, or one instance of it, has printed (it may have been rotated). */
  output(id: string, stream: Output, instance?: number): Promise<string> {
    return this.connection.text('GET', outputPath(id, stream, instance));
  }

  /** Everything that a task or pool, or one instance of it, has printed, however much, in pieces. */
  async *wholeOutput(id: string, stream: Output, options: OutputOptions = {}): AsyncGenerator<string, void, undefined> {
    const response = await this.connection.stream(ownOutputPath(id, stream, options), {}, options.signal);
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  }

  /** The last bytes of what an instance has printed so far; empty where it has printed nothing. */
  async endOfOutput(id: string, stream: Output, instance: number, bytes: number): Promise<string> {
    const path = ownOutputPath(id, stream, { instance });
    const range = { range: `bytes=-${bytes}` };
    return (await this.connection.stream(path, range, AbortSignal.timeout(END_MS)).catch(noneThere))?.text() ?? '';
  }

  /** Output as it comes, from its beginning to the end of the task or instance; over as many connections as that takes. */
  followOutput(id: string, stream: Output, options: OutputOptions = {}): AsyncGenerator<TailEvent, void, undefined> {
    const url = `${this.connection.base}${ownOutputPath(id, stream, options)}/tail`;
    const { signal, onAway } = options;
    return followTail({ url, headers: this.connection.caller(), signal, onAway });
  }

  /** What was printed since the last call of this method by anybody. */
  freshOutput(id: string, stream: Output, instance?: number): Promise<string> {
    return this.connection.text('POST', outputPath(id, stream, instance));
  }

  /** Takes a snapshot of a running task. @returns its id */
  async snapshotTask(id: string, request: SnapshotRequest = {}): Promise<string> {
    return (
      await this.connection.json(
        'POST',
        `/tasks/${encodeURIComponent(id)}/snapshot`,
        trusted<{ readonly id: string }>(),
        {
          body: request,
        },
      )
    ).id;
  }

  getSnapshot(id: string, snapshot: string): Promise<Readonly<Record<string, unknown>>> {
    return this.connection.json(
      'GET',
      `/tasks/${encodeURIComponent(id)}/snapshot/${encodeURIComponent(snapshot)}`,
      trusted<Readonly<Record<string, unknown>>>(),
    );
  }

  /** What a task has cost so far, in euros. */
  async taskCredits(id: string): Promise<number> {
    return (
      await this.connection.json(
        'GET',
        `/credits/v1/tasks/${encodeURIComponent(id)}/credits`,
        trusted<{ readonly credits: number }>(),
      )
    ).credits;
  }

  /** What is left on the account, in euros. */
  async accountCredits(): Promise<number> {
    return (await this.connection.json('GET', '/credits/v1/accounts/credits', trusted<{ readonly credits: number }>()))
      .credits;
  }

  /** The bill of a task, all lines. */
  async bill(id: string): Promise<Bill> {
    const page = (offset: number): Promise<Bill> =>
      this.connection.json(
        'GET',
        `/fornax/v1/billing/tasks/${encodeURIComponent(id)}/lines?offset=${offset}&limit=${BILL_PAGE}`,
        trusted<Bill>(),
      );
    const first = await page(0);
    const lines = [...first.lines];
    while (lines.length < first.count) {
      const next = await page(lines.length);
      if (next.lines.length === 0) break;
      lines.push(...next.lines);
    }
    return { ...first, lines };
  }

  /** GET of any path below the API, for endpoints without a method here. */
  get(path: string): Promise<unknown> {
    return this.connection.json('GET', path, trusted<unknown>());
  }

  /** How the platform is; reasons are for operators. */
  health(): Promise<Health> {
    return this.connection.json('GET', '/health', trusted<Health>());
  }

  /**
   * Waits until a task is over. Looks often while it changes and rarely while it does not.
   * @throws the signal's reason when it aborts; ApiError 404 when the task is deleted meanwhile
   */
  async waitForTask(id: string, options: WaitOptions = {}): Promise<WireTask> {
    const { signal, onChange, onAway, minPollMs = 50, maxPollMs = 1000 } = options;
    const look = (): Promise<WireTask> => this.getTask(id, signal);
    let pauseMs = minPollMs;
    let seen = '';
    for (;;) {
      const task = await (onAway ? patiently(look, onAway, signal) : look());
      const now = `${task.state} ${task.runningInstanceCount} ${task.progress} ${task.completedInstances.length}`;
      if (now !== seen) onChange?.(task);
      if (isOver(task)) return task;
      pauseMs = now === seen ? Math.min(pauseMs * 1.5, maxPollMs) : minPollMs;
      seen = now;
      await delay(pauseMs, signal);
    }
  }
}

const outputPath = (id: string, stream: Output, instance: number | undefined): string =>
  `/tasks/${encodeURIComponent(id)}/${stream}${instance === undefined ? '' : `/${instance}`}`;

const ownOutputPath = (id: string, stream: Output, { kind = 'tasks', instance }: OutputOptions): string =>
  `/fornax/v1/${kind}/${encodeURIComponent(id)}${instance === undefined ? '' : `/instances/${instance}`}/${stream}`;
