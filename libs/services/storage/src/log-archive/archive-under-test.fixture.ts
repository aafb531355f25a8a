import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { archiveVerificationSchema } from '@fornax/contracts';
import type { ArchivedSegment } from '@fornax/domain';
import { ARCHIVE_ID, type JetStreamLog } from '@fornax/event-store';
import type { ObjectStore } from '@fornax/object-store';
import { submitted } from '@fornax/testing';
import { OBJECT_STORE } from '../config/tokens.js';
import { LOG_ARCHIVE_BUCKET } from '../model/bucket-names.js';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';
import { ArchiveObjects } from './archive-objects.js';
import { LogArchiver } from './log-archiver.js';

/** How long a test of the archive may take, its servers included. */
export const TIMEOUT_MS = 120_000;
/** The storage service whose log is archived; another one for each test. */
export let storage: StorageUnderTest;
export let operator: TestUser;
let submittedTasks = 0;

export const startStorage = async (settings: Readonly<Record<string, string>>): Promise<void> => {
  storage = await StorageUnderTest.start(settings);
  operator = await storage.user('operator@example.org', {}, 'operator');
};

/** Gives each test of a file a service that archives when it is told to. */
export const archiveByHand = (): void => {
  beforeEach(() => startStorage({ FORNAX_LOG_ARCHIVE_AFTER_MS: '0' }), TIMEOUT_MS);
  afterEach(() => storage.stop(), TIMEOUT_MS);
};

export const store = (): ObjectStore => storage.app.app.get<ObjectStore>(OBJECT_STORE);
export const log = (): JetStreamLog => storage.log as JetStreamLog;
export const archiver = (parts: { readonly log?: JetStreamLog; readonly objects?: ArchiveObjects } = {}): LogArchiver =>
  new LogArchiver({
    log: log(),
    objects: new ArchiveObjects(store()),
    config: { segmentBytes: 3_000, afterMs: 0, leaderTtlMs: 1_000, retentionMs: undefined },
    ...parts,
  });
export const submit = async (count: number): Promise<number> => {
  let last = 0;
  for (let n = 0; n < count; n += 1)
    last = await storage.append('task', `task-${(submittedTasks += 1)}`, [submitted(`task-${submittedTasks}`)]);
  return last;
};
export const index = async (): Promise<readonly ArchivedSegment[]> =>
  (await storage.log.readAggregate('log-archive', ARCHIVE_ID)).flatMap(({ events }) =>
    events.flatMap((event) => (event.type === 'LogSegmentArchived' ? [event] : [])),
  );
export const keys = async (): Promise<readonly string[]> =>
  (await store().list(LOG_ARCHIVE_BUCKET, { limit: 1_000 })).objects.map(({ key }) => key);
export const get = async (path: string): Promise<unknown> => {
  const response = await fetch(storage.app.url + path, { headers: { authorization: operator.token } });
  return response.json();
};
const verifyFrom = async (after: string | null) =>
  archiveVerificationSchema.parse(
    await get(`/fornax/v1/log/archive/verify${after === null ? '' : `?after=${encodeURIComponent(after)}`}`),
  );
/** Part by part to the end: how much is in one part is a matter of time. */
export const verify = async () => {
  let found = await verifyFrom(null);
  while (found.next !== null) {
    const { segments, messages, bytes, compared, findings, ...rest } = await verifyFrom(found.next);
    found = {
      ...rest,
      segments: found.segments + segments,
      messages: found.messages + messages,
      bytes: found.bytes + bytes,
      compared: found.compared + compared,
      findings: [...found.findings, ...findings],
    };
  }
  return found;
};

/** The file that holds an object which begins with these bytes. */
export const fileOf = async (begin: Buffer): Promise<string> => {
  for (const entry of await readdir(storage.folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).subarray(0, begin.length).equals(begin)) return path;
  }
  throw new Error('there is no such file');
};
export const bytesOf = async (key: string): Promise<Buffer> => {
  const reader = await store().get(LOG_ARCHIVE_BUCKET, key);
  if (reader === undefined) throw new Error(`there is no ${key}`);
  return Buffer.concat(await (await reader.read()).toArray());
};
export const alter = async (key: string, at: number): Promise<void> => {
  const bytes = await bytesOf(key);
  const file = await fileOf(bytes.subarray(0, 300));
  const altered = Buffer.from(bytes);
  altered[at] = (altered[at] ?? 0) ^ 1;
  await writeFile(file, altered);
};
