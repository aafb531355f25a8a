import {
  bulkTaskResultSchema,
  createdSchema,
  objectsReindexSchema,
  objectsScrubSchema,
  owedEffectsSchema,
  pageOf,
  profileSchema,
  settingsSchema,
  taskSchema,
  taskSummarySchema,
  userInfoSchema,
  type BulkTaskResult,
  type ObjectsReindex,
  type ObjectsScrub,
  type OwedEffects,
  type TaskCreation,
  type WireProfile,
  type WireTask,
  type WireTaskSummary,
  type WireUserInfo,
} from '@fornax/contracts';
import { ApiError, messageOf } from './api-error.js';
import { delay } from './delay.js';
import { HistoryClient } from './history-client.js';
import { followTail, type TailEvent } from './output-tail.js';
import { NodeAccessClient } from './node-access-client.js';
import { BucketsClient } from './buckets-client.js';
import { PeopleClient } from './people-client.js';
import { JobsClient } from './jobs-client.js';
import { ResultsClient } from './results-client.js';
import { StorageClient } from './storage-client.js';
import {
  trusted,
  type Bill,
  type FleetNode,
  type Health,
  type LogState,
  type LogVerification,
  type NodeEventPage,
  type NodeEventRecord,
  type Parser,
  type ProjectionRebuild,
  type ProjectionState,
  type QuarantineDetail,
  type QuarantineEntry,
  type SnapshotRequest,
} from './wire-types.js';

export interface FornaxClientOptions {
  /** Base URL of the API, e.g. http://127.0.0.1:8080 */
  readonly url: string;
  readonly token: string;
  /** A wish for one request; default 30 s. Rebuilds have no limit. */
  readonly timeoutMs?: number;
  /** Why: kept with every event that comes of a command. One line, 500 characters at most. */
  readonly reason?: string;
  /** E-mail or id of the account to read as; such a client can change nothing. */
  readonly readAs?: string;
}

/** A task to submit: `name` and a number of instances; the rest is optional (contract, 3.1). */
export type NewTask = Partial<TaskCreation> & Pick<TaskCreation, 'name'>;

/** Which instances of a task make another task: all, the failed, the cancelled, or both of these. */
export type Repetition = 'clone' | 'retry' | 'resume' | 'recover';

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Called with every state that was seen, in order. */
  readonly onChange?: (task: WireTask) => void;
  /** Shortest and longest time between two looks; it grows while nothing changes. */
  readonly minPollMs?: number;
  readonly maxPollMs?: number;
}

export type Output = 'stdout' | 'stderr';

export interface OutputOptions {
  /** All instances when absent. */
  readonly instance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Call {
  readonly signal?: AbortSignal | undefined;
  readonly body?: unknown;
  readonly timeoutMs?: number | undefined;
}

const TERMINAL: readonly string[] = ['Success', 'Failure', 'Cancelled'];
/** A task in this state changes no more. */
export const isOver = (task: { readonly state: string }): boolean => TERMINAL.includes(task.state);

const BILL_PAGE = 5_000;
const taskPage = pageOf(taskSchema);
const summaryPage = pageOf(taskSummarySchema);

/** The public REST API, typed. Every call throws ApiError when the API says no. Safe to share. */
export class FornaxClient {
  /** Machines that become nodes: one-time tokens, keys. */
  readonly nodeAccess = new NodeAccessClient((method, path, parser, call) => this.json(method, path, parser, call));
  /** Users, tokens, projects, organizations and quotas. */
  readonly buckets = new BucketsClient((method, path, parser, call) => this.json(method, path, parser, call));
  readonly people = new PeopleClient((method, path, parser, call) => this.json(method, path, parser, call));
  /** What the event log makes possible: history, time travel, live events, webhooks. */
  readonly history = new HistoryClient(
    (method, path, parser, call) => this.json(method, path, parser, call),
    (path, headers, signal) => this.stream(path, headers, signal),
  );
  /** Results of tasks. */
  readonly jobs = new JobsClient((method, path, parser, call) => this.json(method, path, parser, call));
  readonly results = new ResultsClient((method, path, parser, call) => this.json(method, path, parser, call));
  /** What lies in object storage. */
  readonly storage = new StorageClient((method, path, parser, call) => this.json(method, path, parser, call));
  private readonly base: string;

  constructor(private readonly options: FornaxClientOptions) {
    this.base = options.url.replace(/\/+$/, '');
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
    return this.json('GET', '/info', userInfoSchema);
  }

  /** Where the S3 endpoint is; null when the platform has none. */
  async storageUrl(): Promise<string | null> {
    return (await this.json('GET', '/settings', settingsSchema)).storage;
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
    return this.json('GET', '/profiles', trusted<readonly string[]>());
  }

  profile(name: string): Promise<WireProfile> {
    return this.json('GET', `/profiles/${encodeURIComponent(name)}`, profileSchema);
  }

  /** @returns the new task's uuid */
  async submitTask(task: NewTask): Promise<string> {
    return (await this.json('POST', '/tasks', createdSchema, { body: task })).uuid;
  }

  /** One answer for each task, in order; some may have failed. */
  async submitTasks(tasks: readonly NewTask[]): Promise<readonly BulkTaskResult[]> {
    return this.json('POST', '/tasks', bulkTaskResultSchema.array(), { body: tasks });
  }

  /** @param id uuid or shortname */
  getTask(id: string, signal?: AbortSignal): Promise<WireTask> {
    return this.json('GET', `/tasks/${encodeURIComponent(id)}`, taskSchema, { signal });
  }

  /** All tasks, newest first. */
  async listTasks(): Promise<readonly WireTaskSummary[]> {
    return this.pages('/tasks/summaries/paginate', summaryPage);
  }

  /** All tasks with everything that is known about them. */
  async listFullTasks(): Promise<readonly WireTask[]> {
    return this.pages('/tasks/paginate', taskPage);
  }

  async abortTask(id: string): Promise<void> {
    await this.text('POST', `/tasks/${encodeURIComponent(id)}/abort`);
  }

  /** Makes a task from another one. @param changes what it is to have otherwise @returns the new task's uuid */
  async repeatTask(id: string, kind: Repetition, changes: Partial<NewTask> = {}): Promise<string> {
    return (await this.json('POST', `/tasks/${encodeURIComponent(id)}/${kind}`, createdSchema, { body: changes })).uuid;
  }

  /** Brings new and changed resources to the instances that run. */
  async updateResources(id: string): Promise<void> {
    await this.text('PATCH', `/tasks/${encodeURIComponent(id)}`);
  }

  async deleteTask(id: string): Promise<void> {
    await this.text('DELETE', `/tasks/${encodeURIComponent(id)}`);
  }

  /** Everything a task, or one instance of it, has printed (it may have been rotated). */
  output(id: string, stream: Output, instance?: number): Promise<string> {
    return this.text('GET', outputPath(id, stream, instance));
  }

  /** Everything that a task, or one instance of it, has printed, however much, in pieces. */
  async *wholeOutput(id: string, stream: Output, options: OutputOptions = {}): AsyncGenerator<string, void, undefined> {
    const { instance, signal } = options;
    const response = await fetch(`${this.base}${ownOutputPath(id, stream, instance)}`, {
      headers: this.caller(),
      ...(signal ? { signal } : {}),
    });
    if (!response.ok || !response.body) {
      const body = parsed(await response.text());
      throw new ApiError(response.status, messageOf(body, response.status), body);
    }
    const decoder = new TextDecoder();
    for await (const bytes of response.body) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  }

  /** Output as it comes, from its beginning to the end of the task or instance; over as many connections as that takes. */
  followOutput(id: string, stream: Output, options: OutputOptions = {}): AsyncGenerator<TailEvent, void, undefined> {
    const url = `${this.base}${ownOutputPath(id, stream, options.instance)}/tail`;
    return followTail({ url, headers: this.caller(), signal: options.signal });
  }

  /** What was printed since the last call of this method by anybody. */
  freshOutput(id: string, stream: Output, instance?: number): Promise<string> {
    return this.text('POST', outputPath(id, stream, instance));
  }

  /** Takes a snapshot of a running task. @returns its id */
  async snapshotTask(id: string, request: SnapshotRequest = {}): Promise<string> {
    return (
      await this.json('POST', `/tasks/${encodeURIComponent(id)}/snapshot`, trusted<{ readonly id: string }>(), {
        body: request,
      })
    ).id;
  }

  getSnapshot(id: string, snapshot: string): Promise<Readonly<Record<string, unknown>>> {
    return this.json(
      'GET',
      `/tasks/${encodeURIComponent(id)}/snapshot/${encodeURIComponent(snapshot)}`,
      trusted<Readonly<Record<string, unknown>>>(),
    );
  }

  /** What a task has cost so far, in euros. */
  async taskCredits(id: string): Promise<number> {
    return (
      await this.json(
        'GET',
        `/credits/v1/tasks/${encodeURIComponent(id)}/credits`,
        trusted<{ readonly credits: number }>(),
      )
    ).credits;
  }

  /** What is left on the account, in euros. */
  async accountCredits(): Promise<number> {
    return (await this.json('GET', '/credits/v1/accounts/credits', trusted<{ readonly credits: number }>())).credits;
  }

  /** Every node that ever joined. */
  nodes(): Promise<readonly FleetNode[]> {
    return this.json('GET', '/fornax/v1/nodes', trusted<readonly FleetNode[]>());
  }

  /** No new instances on a node; those that run go on. Operators only, like all that changes a node. */
  drainNode(id: string): Promise<FleetNode> {
    return this.changeNode(id, 'drain');
  }

  /** Ends a drain. */
  resumeNode(id: string): Promise<FleetNode> {
    return this.changeNode(id, 'resume');
  }

  /** The node is gone for good. @throws ApiError 409 while it holds instances */
  retireNode(id: string): Promise<FleetNode> {
    return this.changeNode(id, 'retire');
  }

  /** Everything that happened to a node, in order; operators only. @param after sequence of the last commit that is known */
  async *nodeEvents(id: string, after = 0): AsyncGenerator<NodeEventRecord, void, undefined> {
    for (let from: number | null = after; from !== null;) {
      const path = `/fornax/v1/nodes/${encodeURIComponent(id)}/events?after=${from}&limit=1000`;
      const page: NodeEventPage = await this.json('GET', path, trusted<NodeEventPage>());
      yield* page.events;
      from = page.next;
    }
  }

  private changeNode(id: string, verb: string): Promise<FleetNode> {
    return this.json('POST', `/fornax/v1/nodes/${encodeURIComponent(id)}/${verb}`, trusted<FleetNode>());
  }

  /** The bill of a task, all lines. */
  async bill(id: string): Promise<Bill> {
    const page = (offset: number): Promise<Bill> =>
      this.json(
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
    return this.json('GET', path, trusted<unknown>());
  }

  projections(): Promise<readonly ProjectionState[]> {
    return this.json('GET', '/fornax/v1/projections', trusted<readonly ProjectionState[]>());
  }

  /**
   * Rebuilds a projection from the log beside the live one. With `verify` it is only compared, else it is swapped in; with `force` also where
   * the log knows less than the rows.
   */
  rebuildProjection(
    name: string,
    options: { readonly verify: boolean; readonly force?: boolean; readonly signal?: AbortSignal },
  ): Promise<ProjectionRebuild> {
    const force = options.force === true ? '&force=true' : '';
    const path = `/fornax/v1/projections/${encodeURIComponent(name)}/rebuild?verify=${String(options.verify)}${force}`;
    return this.json('POST', path, trusted<ProjectionRebuild>(), {
      signal: options.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Makes the index of objects again from the files on disk; with `forgetMissing`, objects without their files leave it. Operators. */
  reindexObjects(options: { readonly forgetMissing: boolean; readonly signal?: AbortSignal }): Promise<ObjectsReindex> {
    const path = `/fornax/v1/buckets/reindex?forgetMissing=${String(options.forgetMissing)}`;
    return this.json('POST', path, objectsReindexSchema, {
      signal: options.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Compares the bytes of some stored objects with their checksums, from `after` on. Operators. @throws ApiError 409 they are kept elsewhere */
  scrubObjects(options: {
    readonly after?: string;
    readonly mibPerSecond: number;
    readonly signal?: AbortSignal;
  }): Promise<ObjectsScrub> {
    const after = options.after === undefined ? '' : `&after=${encodeURIComponent(options.after)}`;
    const path = `/fornax/v1/buckets/scrub?mibPerSecond=${options.mibPerSecond}${after}`;
    return this.json('POST', path, objectsScrubSchema, {
      signal: options.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** What the log says about objects and is not done yet, the oldest hundred. Operators. */
  owedEffects(): Promise<OwedEffects> {
    return this.json('GET', '/fornax/v1/buckets/effects', owedEffectsSchema);
  }

  /** Gives up an effect on results. Operators. @throws ApiError 404 there is none, 409 it is about a bucket */
  async giveUpEffect(id: string): Promise<void> {
    await this.text('DELETE', `/fornax/v1/buckets/effects/${encodeURIComponent(id)}`);
  }

  /** How the platform is; reasons are for operators. */
  health(): Promise<Health> {
    return this.json('GET', '/health', trusted<Health>());
  }

  /** Whether the event log went back or is another one, and what would be lost if it were accepted as it is. Operators. */
  logState(signal?: AbortSignal): Promise<LogState> {
    return this.json('GET', '/fornax/v1/log/state', trusted<LogState>(), {
      signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Accepts the event log as it is: what it does not have is lost, and the platform starts anew. @throws ApiError 409 it is another one by now */
  async acceptLog(log: string): Promise<void> {
    await this.json('POST', `/fornax/v1/log/accept?log=${encodeURIComponent(log)}`, trusted<unknown>());
  }

  /** Checks a part of the event log; the next one begins behind `to`. Operators. */
  verifyLog(options: { readonly from: number; readonly signal?: AbortSignal }): Promise<LogVerification> {
    return this.json('GET', `/fornax/v1/log/verify?from=${options.from}`, trusted<LogVerification>(), {
      signal: options.signal,
    });
  }

  /** What is put aside and waits for a decision; with `all`, also what was decided. Operators. */
  quarantine(all = false): Promise<readonly QuarantineEntry[]> {
    return this.json(
      'GET',
      `/fornax/v1/log/quarantine${all ? '?all=true' : ''}`,
      trusted<readonly QuarantineEntry[]>(),
    );
  }

  quarantined(id: string): Promise<QuarantineDetail> {
    return this.json('GET', `/fornax/v1/log/quarantine/${encodeURIComponent(id)}`, trusted<QuarantineDetail>());
  }

  /** `drop` leaves it out for good, `retry` folds it again (`retrying`: that takes long). @throws ApiError 409 that is not possible any more, or not yet */
  decideQuarantined(id: string, decision: 'drop' | 'retry', reason?: string): Promise<QuarantineEntry> {
    return this.json(
      'POST',
      `/fornax/v1/log/quarantine/${encodeURIComponent(id)}/${decision}`,
      trusted<QuarantineEntry>(),
      { body: reason === undefined ? {} : { reason } },
    );
  }

  /**
   * Waits until a task is over. Looks often while it changes and rarely while it does not.
   * @throws the signal's reason when it aborts; ApiError 404 when the task is deleted meanwhile
   */
  async waitForTask(id: string, options: WaitOptions = {}): Promise<WireTask> {
    const { signal, onChange, minPollMs = 50, maxPollMs = 1000 } = options;
    let pauseMs = minPollMs;
    let seen = '';
    for (;;) {
      const task = await this.getTask(id, signal);
      const now = `${task.state} ${task.runningInstanceCount} ${task.progress} ${task.completedInstances.length}`;
      if (now !== seen) onChange?.(task);
      if (isOver(task)) return task;
      pauseMs = now === seen ? Math.min(pauseMs * 1.5, maxPollMs) : minPollMs;
      seen = now;
      await delay(pauseMs, signal);
    }
  }

  private caller(): Readonly<Record<string, string>> {
    const { token, readAs } = this.options;
    return { authorization: token, ...(readAs === undefined ? {} : { qarnotreadonlyrequestforaccount: readAs }) };
  }

  private why(method: string): Readonly<Record<string, string>> {
    const { reason } = this.options;
    return reason === undefined || method === 'GET' ? {} : { 'fornax-reason': encodeURIComponent(reason) };
  }

  private async pages<T>(
    path: string,
    parser: Parser<{ readonly data: readonly T[]; readonly nextToken: string | null }>,
  ): Promise<readonly T[]> {
    const all: T[] = [];
    for (let token: string | null | undefined; token !== null;) {
      const page: { readonly data: readonly T[]; readonly nextToken: string | null } = await this.json(
        'POST',
        path,
        parser,
        { body: { token, maximumResults: 100 } },
      );
      all.push(...page.data);
      token = page.nextToken;
    }
    return all;
  }

  private async json<T>(method: string, path: string, parser: Parser<T>, call: Call = {}): Promise<T> {
    return parser.parse(parsed(await this.text(method, path, call)));
  }

  /** An answer that does not end. */
  private async stream(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const response = await fetch(`${this.base}${path}`, {
      headers: { ...this.caller(), ...headers },
      signal,
    });
    if (response.ok) return response;
    const body = parsed(await response.text());
    throw new ApiError(response.status, messageOf(body, response.status), body);
  }

  private async text(method: string, path: string, call: Call = {}): Promise<string> {
    const timeoutMs = call.timeoutMs ?? this.options.timeoutMs ?? 30_000;
    const limits = [
      ...(call.signal ? [call.signal] : []),
      ...(Number.isFinite(timeoutMs) ? [AbortSignal.timeout(timeoutMs)] : []),
    ];
    const response = await fetch(`${this.base}${path}`, {
      method,
      headers: {
        ...this.caller(),
        ...this.why(method),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(limits.length === 0 ? {} : { signal: AbortSignal.any(limits) }),
    });
    const answer = await response.text();
    if (response.ok) return answer;
    const body = parsed(answer);
    throw new ApiError(response.status, messageOf(body, response.status), body);
  }
}

const outputPath = (id: string, stream: Output, instance: number | undefined): string =>
  `/tasks/${encodeURIComponent(id)}/${stream}${instance === undefined ? '' : `/${instance}`}`;

const ownOutputPath = (id: string, stream: Output, instance: number | undefined): string =>
  `/fornax/v1/tasks/${encodeURIComponent(id)}${instance === undefined ? '' : `/instances/${instance}`}/${stream}`;

/** JSON if it is JSON, else the text. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
