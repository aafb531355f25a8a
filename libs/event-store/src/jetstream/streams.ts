import { randomUUID } from 'node:crypto';
import { nanos, type NatsConnection } from '@nats-io/nats-core';
import {
  DiscardPolicy,
  JetStreamApiError,
  PersistMode,
  RetentionPolicy,
  StorageType,
  jetstreamManager,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import {
  DATA_FORMAT,
  STREAMS,
  allDispatchSubject,
  allEventsSubject,
  allLogsSubject,
  allQuarantineSubject,
  checkDataFormat,
  reportStreamSubjects,
} from '@fornax/contracts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const STREAM_NOT_FOUND = 10059;
const STREAM_NAME_IN_USE = 10058;
/** In the metadata of an event log that is being put back, which nobody takes for the log. */
export const RESTORING = 'fornax-restoring';
/** Nobody can have written into it. */
export const isBeingRestored = ({ metadata, subjects }: Pick<StreamConfig, 'metadata' | 'subjects'>): boolean =>
  metadata?.[RESTORING] !== undefined && !subjects.includes(allEventsSubject);
const STREAM_OFFLINE: readonly number[] = [10118, 10194];

/** A stream is there, but the server cannot make sense of its files, or of those of one of its consumers. */
export class StreamOffline extends Error {
  constructor(
    readonly stream: string,
    options: ErrorOptions,
  ) {
    super(`the NATS server cannot read stream ${stream}: ${reasonOf(options.cause)}`, options);
    this.name = 'StreamOffline';
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** @throws StreamOffline in the place of the server's answer */
export const knowOffline =
  (stream: string) =>
  (error: unknown): never => {
    throw STREAM_OFFLINE.some((code) => hasCode(error, code)) ? new StreamOffline(stream, { cause: error }) : error;
  };

/**
 * The epoch of a log is chosen when its stream is made. It lives in the stream's description, because servers before 2.10 know no
 * stream metadata. So does the log's format from the second one on: programs that know no formats take such a stream for somebody else's.
 */
const EPOCH_TEXT = /^Fornax event log, epoch ([0-9a-f-]{36})(?:, format ([1-9]\d*))?$/;
export const describeEpoch = (epoch: string): string => {
  const format = DATA_FORMAT > 1 ? `, format ${DATA_FORMAT}` : '';
  return `Fornax event log, epoch ${epoch}${format}`;
};

/** @throws Error the stream was not made by Fornax @throws NewerData by a newer release, in a format of its own */
export const epochOf = (info: StreamInfo): string => {
  const [, epoch, format = '1'] = EPOCH_TEXT.exec(info.config.description ?? '') ?? [];
  checkDataFormat(`The event log (stream ${info.config.name})`, Number(format));
  if (epoch === undefined)
    throw new Error(`stream ${info.config.name} has no epoch in its description: it was not made by Fornax`);
  return epoch;
};

export type NewStream = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>;

export const eventStream = (): NewStream => ({
  name: STREAMS.events,
  subjects: [allEventsSubject],
  description: describeEpoch(randomUUID()),
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  duplicate_window: nanos(120 * SECOND_MS),
  deny_delete: true,
  // What has left it by rule is taken out by whoever owns it, who alone has the right (ADR 0139).
  deny_purge: false,
  allow_direct: true,
  // Commits that come together are flushed together (nats-server 2.12 or later; others ignore it).
  allow_atomic: true,
});

const workingStreams: readonly NewStream[] = [
  {
    name: STREAMS.dispatch,
    subjects: [allDispatchSubject],
    description: 'Fornax leases and orders to nodes',
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    // An agent that was away for a day has lost its leases long ago; a node never has this many orders waiting.
    max_age: nanos(24 * HOUR_MS),
    max_msgs_per_subject: 100_000,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(120 * SECOND_MS),
  },
  {
    name: STREAMS.reports,
    subjects: [...reportStreamSubjects],
    description: 'Fornax reports from nodes',
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    duplicate_window: nanos(120 * SECOND_MS),
  },
  {
    name: STREAMS.logs,
    subjects: [allLogsSubject],
    description: 'Fornax output of instances',
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_age: nanos(7 * 24 * HOUR_MS),
    max_bytes: 2 * 1024 ** 3,
    discard: DiscardPolicy.Old,
    // Output is not the truth: its last second may go with the power, and it is sixteen times as fast when it does not wait for the
    // disk (nats-server 2.12 or later; others ignore it).
    persist_mode: PersistMode.Async,
    duplicate_window: nanos(120 * SECOND_MS),
  },
  {
    name: STREAMS.quarantine,
    subjects: [allQuarantineSubject],
    description: 'Fornax messages and folds that were put aside, and what operators decided about them',
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    deny_delete: true,
    deny_purge: true,
    max_bytes: 1024 ** 3,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(120 * SECOND_MS),
  },
];

const hasCode = (error: unknown, code: number): boolean => error instanceof JetStreamApiError && error.code === code;

const infoIfPresent = async (jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> => {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (hasCode(error, STREAM_NOT_FOUND)) return undefined;
    return knowOffline(name)(error);
  }
};

/** nats-server 2.12. An older one forgets the setting, and a service, which may not change streams, would ask for it at every start. */
const knowsAtomic = (nc: NatsConnection): boolean => {
  const [major = 0, minor = 0] = (nc.info?.version ?? '').split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 12);
};

/**
 * From here on programs of an older format leave the log alone. Its epoch stays.
 * @throws NewerData
 * @throws Error it cannot be said, mostly because whoever asks may not change streams, and whoever may has not done it yet
 */
const stateFormat = async (jsm: JetStreamManager, present: StreamInfo): Promise<void> => {
  const { name, description: stated } = present.config;
  const description = describeEpoch(epochOf(present));
  if (stated === description) return;
  try {
    await jsm.streams.update(name, { description });
  } catch (error) {
    throw new Error(
      `The event log (stream ${name}) is of an older release of Fornax, and could not be said to be of format ${DATA_FORMAT} from now on (${reasonOf(error)}). ` +
        'Services may not change streams: run infra/provision.mjs of this release, then start again.',
      { cause: error },
    );
  }
};

const ensureStream = async (
  jsm: JetStreamManager,
  stream: NewStream,
  { replicas, isAtomic }: { readonly replicas: number; readonly isAtomic: boolean },
): Promise<void> => {
  const present = await infoIfPresent(jsm, stream.name);
  if (present !== undefined) {
    // Whoever puts it back opens it at the end.
    if (isBeingRestored(present.config)) return;
    // Before anything of it is changed: a newer release's is left alone, an older one's is stated to be of this format.
    if (stream.name === STREAMS.events) await stateFormat(jsm, present);
    const isMissing = stream.subjects.some((subject) => !present.config.subjects.includes(subject));
    const mayBatch = isAtomic && stream.allow_atomic === true && present.config.allow_atomic !== true;
    if (isMissing || mayBatch)
      await jsm.streams.update(stream.name, {
        subjects: stream.subjects,
        ...(mayBatch ? { allow_atomic: true } : {}),
      });
    return;
  }
  try {
    const { persist_mode: mode, ...rest } = stream;
    // Replicated streams cannot be written without waiting.
    await jsm.streams.add({
      ...rest,
      num_replicas: replicas,
      ...(mode === undefined || replicas > 1 ? {} : { persist_mode: mode }),
    });
  } catch (error) {
    // Another process made it between our question and our answer.
    if (!hasCode(error, STREAM_NAME_IN_USE)) throw error;
  }
};

export interface EnsureStreamsOptions {
  /** Copies of each stream in the cluster. Default 1. Applies to streams made by this call. */
  readonly replicas?: number;
}

/** A manager without the account check, which a restricted user may not make. */
export const managerOf = (nc: NatsConnection): Promise<JetStreamManager> =>
  jetstreamManager(nc, { checkAPI: false, timeout: 5_000 });

const ensureAll = async (
  nc: NatsConnection,
  streams: readonly NewStream[],
  { replicas = 1 }: EnsureStreamsOptions,
): Promise<void> => {
  const jsm = await managerOf(nc);
  const how = { replicas, isAtomic: knowsAtomic(nc) };
  for (const stream of streams) await ensureStream(jsm, stream, how);
};

/** Creates the event log and the working streams unless they exist. Safe to repeat, also from several processes at once. */
export const ensureStreams = (nc: NatsConnection, options: EnsureStreamsOptions = {}): Promise<void> =>
  ensureAll(nc, [eventStream(), ...workingStreams], options);

/** Creates what beside the log is not the truth, unless it exists: never an empty log in the place of one that is gone. */
export const ensureWorkingStreams = (nc: NatsConnection, options: EnsureStreamsOptions = {}): Promise<void> =>
  ensureAll(nc, workingStreams, options);
