import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { type Commit, type FornaxEvent, type LeaseClaims, type RecordedCommit, RPC } from '@fornax/contracts';
import type { AccountEvent, AccountQuotas } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { encodePath, sha256Hex, signRequest } from '@fornax/s3';
import { EVENT_LOG, NATS } from '@fornax/service-kit';
import { type TestApp, createTestApp } from '@fornax/service-kit/specs';
import { AccountDirectory, Sealer, hashToken, signLeaseClaims } from '@fornax/identity';
import { newId } from '@fornax/base';
import { anEnd, concluded, createTestDatabase, eventually, startTestNats } from '@fornax/testing';
import { jest } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import { FrontDoorHost } from './door/front-door.host.js';
import { StorageModule } from './storage.module.js';

// Objects are flushed to a disk that other tests use, too.
jest.setTimeout(30_000);

export const TEST_MASTER_KEY = Buffer.alloc(32, 7);
const QUOTAS: AccountQuotas = {
  maxTasks: 100,
  maxBuckets: 100,
  maxStorageBytes: 2 ** 40,
  maxInstances: 100,
  maxCores: 100,
};

export interface TestUser {
  readonly account: string;
  readonly email: string;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface SignedOptions {
  readonly method?: string;
  /** Encoded path and query as they go on the wire. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly payloadHash?: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly at?: number;
  /** Added after signing, or replacing what was signed. */
  readonly tamper?: Readonly<Record<string, string>>;
}

/** Sends bytes as they are, and reads the answer. */
export const send = (
  port: number,
  { method = 'GET', path, headers = {}, body }: Pick<SignedOptions, 'method' | 'path' | 'headers' | 'body'>,
): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const message = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
    );
    response.on('error', reject);
  });
  message.on('error', reject);
  message.end(body);
  return promise;
};

/** Sends a request up to its body, and waits until the door asks for that. @returns what sends the body and reads the answer */
export const begin = (
  port: number,
  { method = 'PUT', path, headers = {}, body = '' }: Pick<SignedOptions, 'method' | 'path' | 'headers' | 'body'>,
): Promise<() => Promise<Answer>> => {
  const asked = Promise.withResolvers<() => Promise<Answer>>();
  const answered = Promise.withResolvers<Answer>();
  const announced = { ...headers, 'content-length': String(Buffer.byteLength(body)), expect: '100-continue' };
  const message = httpRequest({ host: '127.0.0.1', port, method, path, headers: announced, agent: false });
  message.on('response', (response) => {
    const { statusCode: status = 0, headers: got } = response;
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => answered.resolve({ status, headers: got, body: Buffer.concat(chunks).toString() }));
    asked.resolve(() => answered.promise);
  });
  message.on('error', (error) => {
    asked.reject(error);
    answered.reject(error);
  });
  message.on('continue', () =>
    asked.resolve(() => {
      message.end(body);
      return answered.promise;
    }),
  );
  message.flushHeaders();
  return asked.promise;
};

/** The headers of a request signed by hand, beside what the SDK would do. */
export const signedHeaders = (port: number, options: SignedOptions): Readonly<Record<string, string>> => {
  const { method = 'GET', path, headers = {}, body = '', accessKey, secretKey, at = Date.now() } = options;
  const [rawPath = '', rawQuery = ''] = path.split('?');
  const query = (rawQuery === '' ? [] : rawQuery.split('&'))
    .map((pair) => pair.split('=').map(decodeURIComponent))
    .map(([name = '', value = '']) => [name, value] as const);
  return signRequest(
    { accessKey, secretKey },
    {
      method,
      host: `127.0.0.1:${port}`,
      path: encodePath(decodeURIComponent(rawPath)),
      query,
      headers,
      payloadHash: options.payloadHash ?? sha256Hex(body),
      at,
      region: 'default',
    },
  );
};

/** A running storage service of its own, with accounts in its log, and ways in. */
export class StorageUnderTest {
  /** Leases that the scheduler would call current; undefined: it does not answer. */
  currentLeases: Set<string> | undefined = new Set();

  private constructor(
    public app: TestApp,
    public port: number,
    private readonly place: {
      readonly folder: string;
      readonly databaseUrl: string;
      readonly env: Readonly<Record<string, string>>;
      readonly cleanUp: () => Promise<void>;
    },
  ) {}

  get folder(): string {
    return this.place.folder;
  }

  get databaseUrl(): string {
    return this.place.databaseUrl;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<StorageUnderTest> {
    const [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
    const folder = await mkdtemp(join(tmpdir(), 'fornax-storage-'));
    const env = {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_MASTER_KEY: TEST_MASTER_KEY.toString('base64'),
      FORNAX_OBJECTS_DIR: folder,
      FORNAX_STORAGE_PORT: '0',
      ...settings,
    };
    Object.assign(process.env, env);
    const app = await createTestApp(StorageModule, { env });
    const cleanUp = async (): Promise<void> => {
      await nats.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    };
    const storage = new StorageUnderTest(app, app.app.get(FrontDoorHost).port(), {
      folder,
      databaseUrl: database.url,
      env,
      cleanUp,
    });
    await storage.#answerForScheduler();
    return storage;
  }

  /** Ends the service, lets something happen, and starts it again on what there is then. */
  async restart(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await this.app.close();
    await meanwhile();
    this.app = await createTestApp(StorageModule, { env: this.place.env });
    this.port = this.app.app.get(FrontDoorHost).port();
    await this.#answerForScheduler();
  }

  /** A second process on the same log, database and folder. */
  async another(): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
    const app = await createTestApp(StorageModule, { env: this.place.env });
    return { endpoint: `http://127.0.0.1:${app.app.get(FrontDoorHost).port()}`, close: () => app.close() };
  }

  async #answerForScheduler(): Promise<void> {
    const nats = this.app.app.get<NatsConnection>(NATS);
    nats.subscribe(RPC.leaseStatus, {
      callback: (_error, message) => {
        const { leaseId } = message.json<{ readonly leaseId: string }>();
        if (this.currentLeases) message.respond(JSON.stringify({ ok: { current: this.currentLeases.has(leaseId) } }));
      },
    });
    await nats.flush();
  }

  get log(): EventLog {
    return this.app.app.get<EventLog>(EVENT_LOG);
  }

  async append(aggregate: RecordedCommit['aggregate'], id: string, events: readonly FornaxEvent[]): Promise<number> {
    const before = await this.log.readAggregate(aggregate, id);
    const commit: Commit = {
      id: newId(),
      events,
      at: Date.now(),
      meta: { actor: 'service:test', source: 'test', correlationId: newId() },
    };
    return this.log.append(aggregate, id, commit, before.at(-1)?.sequence ?? 0);
  }

  /** Appends to an account or an organization, and waits until the process knows it. */
  async happen(id: string, ...events: readonly AccountEvent[]): Promise<void> {
    const sequence = await this.append('account', id, events);
    if (!(await this.app.app.get(AccountDirectory).knows(sequence, 10_000)))
      throw new Error(`the accounts are not known up to ${sequence}`);
  }

  /** The organization that somebody is of. */
  organizationOf({ account }: TestUser): string {
    const id = this.app.app.get(AccountDirectory).byId(account)?.organisationId;
    if (typeof id !== 'string') throw new Error(`${account} is of no organization`);
    return id;
  }

  async user(
    email: string,
    quotas: Partial<AccountQuotas> = {},
    role: 'user' | 'operator' = 'user',
  ): Promise<TestUser> {
    const [account, token, at] = [newId(), `token-of-${email}-${newId()}`, Date.now()];
    const sealedSecret = this.app.app.get(Sealer).sealWithMaster(token);
    await this.append('account', account, [
      { type: 'AccountCreated', accountId: account, email, role, quotas: { ...QUOTAS, ...quotas }, at },
      {
        type: 'TokenIssued',
        accountId: account,
        email,
        role,
        tokenId: newId(),
        name: 'test',
        hash: hashToken(token),
        sealedSecret,
        at,
      },
    ]);
    await eventually(async () => (this.app.app.get(AccountDirectory).byEmail(email)?.secrets.length ?? 0) > 0);
    return { account, email, token };
  }

  /** Somebody with room for 100 bytes, and a bucket. */
  async poor(Bucket: string): Promise<TestUser> {
    const user = await this.user(`${Bucket}@example.org`, { maxStorageBytes: 100 });
    await this.s3(user).send(new CreateBucketCommand({ Bucket }));
    return user;
  }

  s3({ email, token }: TestUser, options: object = {}): S3Client {
    return this.client({ accessKeyId: email, secretAccessKey: token }, options);
  }

  client(
    credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string },
    options: object = {},
  ): S3Client {
    return new S3Client({
      endpoint: `http://127.0.0.1:${this.port}`,
      region: 'default',
      forcePathStyle: true,
      credentials,
      maxAttempts: 1,
      ...options,
    });
  }

  lease(claims: LeaseClaims): S3Client {
    const { accessKey, secretKey, sessionToken } = signLeaseClaims(TEST_MASTER_KEY, claims);
    return this.client({ accessKeyId: accessKey, secretAccessKey: secretKey, sessionToken });
  }

  /** A current lease of an instance whose results go to a bucket of its owner. */
  newLease(owner: TestUser, bucket: string): LeaseClaims {
    const claims: LeaseClaims = {
      leaseId: newId(),
      taskId: newId(),
      instance: 0,
      node: 'node-1',
      owner: owner.account,
      read: [],
      results: { bucket, prefix: null },
      snapshot: null,
      expiresAt: Date.now() + 3_600_000,
    };
    this.currentLeases?.add(claims.leaseId);
    return claims;
  }

  /** Commits that the instance of a lease ended well. */
  conclude({ taskId, leaseId, instance }: LeaseClaims): Promise<number> {
    return this.append('task', taskId, [concluded(anEnd(instance, { leaseId, uploadedFiles: 1, uploadedBytes: 1 }))]);
  }

  signed(user: TestUser, options: Omit<SignedOptions, 'accessKey' | 'secretKey'>): Promise<Answer> {
    const headers = signedHeaders(this.port, { ...options, accessKey: user.email, secretKey: user.token });
    return send(this.port, { ...options, headers: { ...headers, ...options.tamper } });
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.place.cleanUp();
  }
}

/** The SDK's errors, as the parts that a test compares. */
export const failureOf = async (
  attempt: Promise<unknown>,
): Promise<{ readonly name: string; readonly status: number | undefined }> => {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof Error && '$metadata' in error) {
      const { httpStatusCode: status } = error.$metadata as { readonly httpStatusCode?: number };
      return { name: error.name, status };
    }
    throw error;
  }
  return { name: 'none', status: undefined };
};
