export {
  type AnyEvent,
  type DamagedPlace,
  type EventLog,
  type Loaded,
  type LogGate,
  type LogHead,
  type SubscribeOptions,
  AggregateStopped,
  CommitTooLarge,
  LogDamaged,
  LogReset,
  LogUnavailable,
  OutcomeUnknown,
  VersionConflict,
  WritesStopped,
} from './log/event-log.js';
export {
  type Appended,
  type DecideAndAppend,
  CommandRejected,
  Outrun,
  decideAndAppend,
  loadAggregate,
} from './deciding/decide-and-append.js';
export { aggregatePages } from './deciding/aggregate-pages.js';
export { type OnFollowing } from './log/keep-following.js';
export { withEvents } from './log/with-events.js';
export { type FollowStreamOptions, followStream } from './jetstream/follow-stream.js';
export { type FeedMessage, type FeedPace } from './jetstream/pull-feed.js';
export { jetStreamApi } from './jetstream/jetstream-api.js';
export { type Gap, describeGap, gapsIn } from './damage/gaps.js';
export { type Difference, differenceOf } from './archive/difference.js';
export {
  type ArchivedMessage,
  decodeRecords,
  encodeRecord,
  headerOf,
  isSameMessage,
  withoutLeft,
} from './archive/archived-message.js';
export {
  type EncodedSegment,
  type OpenSegment,
  type SegmentHeader,
  SegmentDamaged,
  encodeSegment,
  openSegment,
} from './archive/segment.js';
export { ARCHIVE_ID, ArchiveIndex } from './archive/archive-index.js';
export { RestoreClient, RestoreRefused } from './archive/restore-client.js';
export { FILLER, RestoredStream, serveRestores } from './archive/restored-stream.js';
export { appendedMessage, leftIn, previousOf } from './jetstream-log/messages.js';
export { ArchiveClient, type ArchivedPart, serveLeftMessages } from './left/archive-client.js';
export { type ArchivedLog, type ArchivedRange } from './left/archived-log.js';
export {
  RETENTION_GRACE_S,
  RETENTION_TEXT,
  isRetention,
  retentionGraceOf,
  retentionOf,
} from './leaving/retention-rule.js';
export { Leaving, type LeavingAnswer, LeavingRefused, askToLeave, serveLeaving } from './leaving/leaving.js';
export { type LogVerification, type VerifyOptions } from './damage/verify-log.js';
export {
  type QuarantineDecision,
  type QuarantineEntry,
  type QuarantineState,
  eventEntryId,
  isDamage,
  isOfWork,
  isUndecided,
} from './quarantine/entries.js';
export { isDataError, isFoldError, sqlStateOf } from './quarantine/data-errors.js';
export { FoldGuard, reasonOf, type StoppedFold } from './quarantine/fold-guard.js';
export { onGivenUp } from './quarantine/on-given-up.js';
export { Quarantine } from './quarantine/quarantine.js';
export { type QuarantineListener } from './quarantine/register.js';
export { takeAgain, type KeptMessage, type TakeAgainOptions } from './quarantine/take-again.js';
export { InMemoryLog } from './in-memory/in-memory.event-log.js';
export {
  type ConnectNatsOptions,
  type Nats,
  type NatsKey,
  connectNats,
  isRefusal,
  onReconnect,
} from './jetstream/connection.js';
export {
  type ConsumeOptions,
  type ConsumerOptions,
  type DurableMessage,
  consumeBatches,
  deleteConsumer,
  ensureConsumer,
} from './jetstream/consume-batches.js';
export { type Reader, type ReaderOptions, makeConsumersFor, openReader } from './jetstream/consumer-maker.js';
export {
  type PublishOptions,
  type Published,
  DurablePublisher,
  PublishRejected,
} from './jetstream/durable-publisher.js';
export { type OpenLogOptions, JetStreamLog } from './jetstream-log/jetstream.event-log.js';
export { type EnsureStreamsOptions, StreamOffline, ensureStreams, managerOf } from './jetstream/streams.js';
export { consumersAs, provision, provisionAs, serveConsumersAs } from './provision.js';
export { type LeadOptions, lead } from './leadership/leader-election.js';
export { createNkey, isPublicNkey, nkeyFromSeed, verifyNkey, type Nkey, type NkeyKind } from './nkeys/nkeys.js';
