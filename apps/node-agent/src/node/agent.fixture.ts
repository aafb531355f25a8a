import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  allReportsSubject,
  allSnapshotReportsSubject,
  dispatchConsumer,
  type DispatchOrder,
  dispatchSubject,
  type Heartbeat,
  heartbeatSubject,
  type JoinRequest,
  joinRequestSchema,
  type LeaseOrder,
  type LiveMessage,
  liveMessageSchema,
  liveSubject,
  LOG_HEADERS,
  logSubject,
  decodeBundle,
  FILE_BUNDLE_QUERY,
  type NodeReport,
  nodeReportsSchema,
  ORDER_HEADERS,
  nodeRpcSubject,
  type NodeRpcMethod,
  outputReadRequestSchema,
  secretsRequestSchema,
  type SecretsRequest,
  type OutputReadReply,
  type OutputReadRequest,
  type OutputStream,
  type SnapshotReport,
  type StateSavedReply,
  type StateSavedRequest,
  stateSavedRequestSchema,
  snapshotReportSchema,
  STREAMS,
} from '@fornax/contracts';
import {
  connectNats,
  consumeBatches,
  deleteConsumer,
  DurablePublisher,
  ensureConsumer,
  managerOf,
  ensureStreams,
} from '@fornax/event-store';
import { S3Client } from '@fornax/s3';
import type { NatsConnection, Subscription } from '@nats-io/nats-core';

type Ended = Extract<NodeReport, { kind: 'ended' }>;

/** The other side of the protocol: what registry, scheduler and snapshot service do on the wire, and no more. */
export class Platform {
  readonly joins: JoinRequest[] = [];
  readonly leaves: number[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly reports: NodeReport[] = [];
  readonly snapshotReports: SnapshotReport[] = [];
  readonly live: LiveMessage[] = [];
  readonly secrets: Record<string, string> = {};
  /** Of the secrets manager, a part an element. */
  managed: readonly (readonly { readonly key: string; readonly version: number; readonly value: string }[])[] = [[]];
  /** Why no secrets are granted. */
  /** The same for instances that ask while they run, where it is not. */
  managedLater: Platform['managed'] | undefined;
  /** What they have asked for. */
  readonly wished: NonNullable<SecretsRequest['wants']>[] = [];
  noSecrets: { readonly code?: 'FX-SECRETS'; readonly reason: string } | undefined;
  /** What leases may read; those of a scheduler that does not say may read all that their orders name. */
  readonly inputs = new Map<string, LeaseOrder['resources']>();
  /** What grants say of one lease alone. */
  readonly own = new Map<
    string,
    { readonly row?: Readonly<Record<string, string>>; readonly resultsFolder?: string; readonly pin?: string }
  >();
  /** What became of programs that said that their state is saved. */
  readonly saved: StateSavedRequest[] = [];
  /** Takes no snapshot of them, until a test says otherwise. */
  onSaved = (_: StateSavedRequest): StateSavedReply => ({ triggered: false, reason: 'not here' });
  epoch = 0;
  /** When an operator last accepted an older event log. */
  logAcceptedAt: number | undefined;
  grants = 0;
  /** Reads output at once, until a test says otherwise. */
  readOutput = ({ reach }: OutputReadRequest): OutputReadReply => ({ read: reach, windowBytes: 16_777_216, held: [] });
  #bootId = '';
  readonly #stop = new AbortController();
  readonly #answers = new Map<
    NodeRpcMethod,
    { readonly answer: (body: unknown) => unknown; readonly subscription: Subscription }
  >();
  readonly #loops: Promise<void>[] = [];

  private constructor(
    readonly node: string,
    private readonly nc: NatsConnection,
    private readonly publisher: DurablePublisher,
    readonly graceMs: number,
  ) {}

  static async open(
    server: { url: string; user: string; password: string },
    node: string,
    graceMs = 10_000,
  ): Promise<Platform> {
    const nc = await connectNats({
      url: server.url,
      user: server.user,
      password: server.password,
      name: 'test platform',
    });
    await ensureStreams(nc);
    const platform = new Platform(node, nc, new DurablePublisher(nc), graceMs);
    platform.#answer('join', (body) => platform.#join(body));
    platform.#answer('leave', () => {
      platform.leaves.push(platform.epoch);
      return {};
    });
    const grant = (body: unknown): object => {
      platform.grants += 1;
      const { leaseId } = body as { readonly leaseId: string };
      const inputs = platform.inputs.get(leaseId);
      return {
        granted: true,
        s3: { accessKey: 'lease', secretKey: 'secret', sessionToken: 'token' },
        secrets: platform.secrets,
        ...(inputs ? { inputs } : {}),
        ...platform.own.get(leaseId),
      };
    };
    platform.#answer('grant', grant);
    platform.#answer('snapshot-grant', grant);
    platform.#answer('state-saved', (body) => {
      const request = stateSavedRequestSchema.parse(body);
      platform.saved.push(request);
      return platform.onSaved(request);
    });
    platform.#answer('secrets', (body) => {
      const { after, wants } = secretsRequestSchema.parse(body);
      if (wants) platform.wished.push(wants);
      if (platform.noSecrets) return { granted: false, ...platform.noSecrets };
      const managed = (wants ? platform.managedLater : undefined) ?? platform.managed;
      const at = managed.findIndex((part) => part.at(-1)?.key === after) + 1;
      return { granted: true, secrets: managed[at] ?? [], hasMore: at + 1 < managed.length };
    });
    platform.#answer('output-read', (body) => platform.readOutput(outputReadRequestSchema.parse(body)));
    nc.subscribe(heartbeatSubject(node), {
      callback: (_error, msg) => {
        platform.heartbeats.push(msg.json<Heartbeat>());
      },
    });
    nc.subscribe(liveSubject(node), {
      callback: (_error, msg) => {
        platform.live.push(liveMessageSchema.parse(msg.json()));
      },
    });
    const consume = (durable: string, filterSubject: string, take: (json: unknown) => void): void => {
      platform.#loops.push(
        consumeBatches(
          nc,
          { stream: STREAMS.reports, durable, filterSubject, signal: platform.#stop.signal },
          async (batch) => {
            for (const { data } of batch) take(JSON.parse(Buffer.from(data).toString('utf8')));
          },
        ),
      );
    };
    consume('scheduler', allReportsSubject, (json) => {
      const { nodeEpoch, reports } = nodeReportsSchema.parse(json);
      if (nodeEpoch === platform.epoch) platform.reports.push(...reports);
    });
    consume('snapshot', allSnapshotReportsSubject, (json) =>
      platform.snapshotReports.push(snapshotReportSchema.parse(json)),
    );
    return platform;
  }

  async order(...orders: readonly DispatchOrder[]): Promise<void> {
    await this.publisher.publish(dispatchSubject(this.node), Buffer.from(JSON.stringify(orders)));
  }

  /** Orders as the scheduler of a term sends them. */
  async orderAs(leaderEpoch: number, ...orders: readonly DispatchOrder[]): Promise<void> {
    const headers = { [ORDER_HEADERS.leaderEpoch]: String(leaderEpoch) };
    await this.publisher.publish(dispatchSubject(this.node), Buffer.from(JSON.stringify(orders)), { headers });
  }

  /** Deletes what the agent takes its orders from. */
  forgetConsumer(): Promise<void> {
    return deleteConsumer(this.nc, STREAMS.dispatch, dispatchConsumer(this.node));
  }

  endOf(leaseId: string): Ended | undefined {
    return this.reports.find((report): report is Ended => report.kind === 'ended' && report.leaseId === leaseId);
  }

  kindsOf(leaseId: string): readonly string[] {
    return this.reports.filter((report) => report.leaseId === leaseId).map(({ kind }) => kind);
  }

  /** All output of an instance that is in the log stream now. */
  async output(taskId: string, instance: number, stream: OutputStream): Promise<Buffer> {
    const chunks: { offset: number; data: Uint8Array }[] = [];
    const durable = createHash('sha256')
      .update(`${taskId}${instance}${stream}${Math.random()}`)
      .digest('hex')
      .slice(0, 16);
    const stop = new AbortController();
    const subject = logSubject(this.node, taskId, instance, stream);
    const { streams } = await managerOf(this.nc);
    const { state } = await streams.info(STREAMS.logs, { subjects_filter: subject });
    const stored = state.subjects?.[subject] ?? 0;
    if (stored === 0) return Buffer.alloc(0);
    const seen = new Set<number>();
    await consumeBatches(
      this.nc,
      { stream: STREAMS.logs, durable, filterSubject: subject, signal: stop.signal },
      async (batch) => {
        for (const { data, headers, sequence } of batch) {
          if (seen.has(sequence)) continue; // it may come twice
          seen.add(sequence);
          chunks.push({ offset: Number(headers(LOG_HEADERS.offset)), data });
        }
        if (seen.size >= stored) stop.abort();
      },
    );
    chunks.sort((a, b) => a.offset - b.offset);
    return Buffer.concat(chunks.map(({ data }) => data));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    this.publisher.close();
    await this.nc.close();
  }

  /** Nobody is there for these requests. @returns somebody is again */
  silence(method: NodeRpcMethod): () => void {
    const { answer, subscription } = this.#answers.get(method) ?? {};
    subscription?.unsubscribe();
    return () => answer && this.#answer(method, answer);
  }

  #answer(method: NodeRpcMethod, answer: (body: unknown) => unknown): void {
    const subscription = this.nc.subscribe(nodeRpcSubject(this.node, method), {
      callback: (_error, msg) => {
        void Promise.resolve(answer(msg.json()))
          .then((ok) => msg.respond(JSON.stringify({ ok })))
          .catch((error: unknown) => {
            // A request that comes while the platform goes away gets no answer, like from the real one.
            if (!this.#stop.signal.aborted) throw error;
          });
      },
    });
    this.#answers.set(method, { answer, subscription });
  }

  async #join(body: unknown): Promise<object> {
    const request = joinRequestSchema.parse(body);
    await ensureConsumer(this.nc, {
      stream: STREAMS.dispatch,
      durable: dispatchConsumer(this.node),
      filterSubject: dispatchSubject(this.node),
    });
    if (request.bootId !== this.#bootId) {
      this.#bootId = request.bootId;
      this.epoch += 1;
      this.joins.push(request);
    }
    const accepted = this.logAcceptedAt === undefined ? {} : { logAcceptedAt: this.logAcceptedAt };
    return { nodeEpoch: this.epoch, heartbeatMs: 50, graceMs: this.graceMs, leaseListMs: 100, ...accepted };
  }
}

/** A lease with good defaults. */
export const aLeaseOrder = (leaseId: string, command: string, overrides: Partial<LeaseOrder> = {}): LeaseOrder => ({
  kind: 'lease',
  leaseId,
  nodeEpoch: 1,
  taskId: 'task-1',
  owner: 'account-1',
  instance: 0,
  instanceCount: 1,
  attempt: 1,
  profile: 'docker-batch',
  constants: [{ key: 'DOCKER_CMD', value: command }],
  secretKeys: [],
  resources: [],
  results: null,
  uploadResultsOnCancellation: false,
  cores: 1,
  memoryMB: 512,
  ...overrides,
});

/** Enough of S3 for an agent: objects in memory, lists, parts; checks the hash of what is sent. `failures`: answers of 503 to give first. */
export class ObjectServer {
  readonly objects = new Map<string, Buffer>();
  /** Objects that lists name and nobody can read: they were deleted in between. */
  readonly gone = new Set<string>();
  readonly #parts = new Map<string, Map<number, Buffer>>();
  failures = 0;
  /** Is waited for before a request is read any further than its head. */
  arriving: ((request: string) => Promise<unknown> | undefined) | undefined;
  /** Requests that are answered with 500. */
  failsAt: ((request: string) => boolean) | undefined;
  /** Storage's final answers to writes: a status, a code and a message. */
  refuses: ((request: string) => readonly [number, string, string] | undefined) | undefined;
  /** How far the storage's clock is ahead. */
  aheadMs = 0;
  readonly requests: string[] = [];
  /** Values of `x-amz-meta-mode`. */
  readonly modes = new Map<string, string>();
  /** The next answers with an object break off after so many bytes. */
  readonly cuts: number[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<ObjectServer> {
    const server = createServer();
    const self = new ObjectServer(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      // A client that goes away in the middle of its request is what some tests are about.
      void self.#serve(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return self;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Makes a client with the keys of some lease. @param tries of each request */
  client(tries: number): S3Client {
    return new S3Client({
      accessKey: 'lease',
      secretKey: 'secret',
      sessionToken: 'token',
      endpoint: this.url,
      tries,
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://host');
    const path = decodeURIComponent(url.pathname.slice(1));
    const asked = `${request.method ?? ''} ${path}${url.search}`;
    await this.arriving?.(asked);
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const answer = (status: number, text: string | Buffer = '', headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end(text);
    };
    this.requests.push(asked);
    if (this.failsAt?.(asked) === true) return answer(500, '<Error><Code>InternalError</Code></Error>');
    const refusal = this.refuses?.(asked);
    if (refusal) {
      const [status, code, message] = refusal;
      return answer(status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
    }
    if (this.failures > 0) {
      this.failures -= 1;
      return answer(503, '<Error><Code>SlowDown</Code></Error>');
    }
    const date = String(request.headers['x-amz-date']).replace(/^(.{4})(..)(.{5})(..)(.*)$/, '$1-$2-$3:$4:$5');
    if (Math.abs(Date.parse(date) - Date.now() - this.aheadMs) > 900_000)
      return answer(403, '<Error><Code>RequestTimeTooSkewed</Code></Error>', {
        date: new Date(Date.now() + this.aheadMs).toUTCString(),
      });
    if (request.headers['x-amz-security-token'] !== 'token')
      return answer(403, '<Error><Code>AccessDenied</Code></Error>');
    if (request.headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex'))
      return answer(400, '<Error><Code>XAmzContentSHA256Mismatch</Code></Error>');
    const uploadId = url.searchParams.get('uploadId');
    if (request.method === 'GET' && url.searchParams.has('list-type'))
      return answer(200, this.#list(path, url.searchParams.get('prefix') ?? ''));
    if (request.method === 'GET' || request.method === 'HEAD') return this.#get(path, request, response);
    if (request.method === 'POST' && url.searchParams.has('uploads')) {
      this.#parts.set('u1', new Map());
      return answer(200, '<R><UploadId>u1</UploadId></R>');
    }
    if (request.method === 'POST' && url.searchParams.has(FILE_BUNDLE_QUERY)) {
      const files = decodeBundle(body) ?? [];
      for (const { key, mode, bytes } of files) {
        this.objects.set(`${path}/${key}`, Buffer.from(bytes));
        this.modes.set(`${path}/${key}`, mode);
      }
      return answer(200, `<StoreFilesResult><Count>${files.length}</Count></StoreFilesResult>`);
    }
    if (request.method === 'PUT' && uploadId !== null) {
      this.#parts.get(uploadId)?.set(Number(url.searchParams.get('partNumber')), body);
      return answer(200, '', { etag: '"part"' });
    }
    if (request.method === 'POST' && uploadId !== null) {
      this.objects.set(
        path,
        Buffer.concat([...(this.#parts.get(uploadId) ?? [])].sort(([a], [b]) => a - b).map(([, part]) => part)),
      );
      return answer(200, '<R/>');
    }
    this.objects.set(path, body);
    const { 'x-amz-meta-mode': mode } = request.headers;
    if (typeof mode === 'string') this.modes.set(path, mode);
    return answer(200, '', { etag: '"whole"' });
  }

  #get(path: string, { method, headers }: IncomingMessage, response: ServerResponse): void {
    const object = this.objects.get(path);
    const fail = (status: number, code: string): void =>
      void response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
    if (!object || this.gone.has(path)) return fail(404, 'NoSuchKey');
    const etag = `"${this.#md5(path)}"`;
    if ((headers['if-match'] ?? etag) !== etag) return fail(412, 'PreconditionFailed');
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const rest = object.subarray(from);
    const mode = this.modes.get(path);
    response.writeHead(headers.range === undefined ? 200 : 206, {
      etag,
      'content-length': rest.length,
      ...(mode === undefined ? {} : { 'x-amz-meta-mode': mode }),
    });
    const cut = method === 'GET' ? this.cuts.shift() : undefined;
    if (cut === undefined) return void response.end(method === 'GET' ? rest : undefined);
    response.write(rest.subarray(0, cut), () => response.destroy());
  }

  #md5(path: string): string {
    return createHash('md5')
      .update(this.objects.get(path) ?? '')
      .digest('hex');
  }

  #list(bucket: string, prefix: string): string {
    const keys = [...this.objects.keys()]
      .filter((path) => path.startsWith(`${bucket}/${prefix}`))
      .map((path) => path.slice(bucket.length + 1))
      .sort();
    return `<R><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${keys.map((key) => `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${this.objects.get(`${bucket}/${key}`)?.length ?? 0}</Size><ETag>&quot;${this.#md5(`${bucket}/${key}`)}&quot;</ETag></Contents>`).join('')}</R>`;
  }
}
