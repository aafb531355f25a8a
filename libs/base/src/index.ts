export { Allowance } from './limits/allowance.js';
export { keyCommandOf, runKeyCommand, type KeyCommand } from './config/key-command.js';
export { ConfigError, intSetting, loadConfig, type Env } from './config/load-config.js';
export {
  Conflict,
  Forbidden,
  FornaxError,
  Invalid,
  NotBuilt,
  NotFound,
  PaymentRequired,
  Refused,
  Unauthorized,
  Unavailable,
  Unsettled,
  ValidationFailed,
  type ErrorKind,
} from './errors/errors.js';
export { isPublicAddress } from './net/public-address.js';
export { isOutage } from './errors/outage.js';
export { releaseOf } from './release.js';
export { eventComment, eventRetry, eventText } from './http/event-text.js';
export { derivedId, derivedIdInOrder, newId } from './ids/ids.js';
export { scanJson, type JsonBounds } from './json/json-scan.js';
export { jsonOf } from './json/json.js';
export { MessageBudget } from './json/message-budget.js';
export { MessageTooLarge, parseMessage, refusalOf } from './json/message-json.js';
export { endWithParent, keepMemoryOutOfCoreDumps, onceStopped } from './process/process-life.js';
export { Changes } from './progress/changes.js';
export { eachLimited } from './progress/each-limited.js';
export { Gathered, type GatheredOptions } from './progress/gathered.js';
export { SequenceWindow, type Portion, type WindowBounds } from './progress/sequence-window.js';
export { Progress, type Patience } from './progress/progress.js';
export { KnownSecrets } from './redaction/known-secrets.js';
export { REDACTED, type Redactor } from './redaction/redactor.js';
export { payloadOf } from './rpc/payload-of.js';
export { RpcClient } from './rpc/rpc-client.js';
export { rpcErrorOf, RpcRefused, rpcReplySchema, type RpcError } from './rpc/rpc-codec.js';
export { DroppedMessages, type Refusals, type WarningLogger } from './telemetry/dropped-messages.js';
export { createLogger, type Logger } from './telemetry/logger.js';
export { INSTRUMENTS, type InstrumentFacts, type NameOf } from './telemetry/catalogue.js';
export {
  countedFromZero,
  counterOf,
  durationsOf,
  observeCounter,
  observeGauge,
  type Count,
  type Durations,
} from './telemetry/metrics.js';
export { RecurringTrouble } from './telemetry/recurring-trouble.js';
export {
  activeTraceId,
  activeTraceparent,
  inSpan,
  spanContextOf,
  traceContextOf,
  type SpanOptions,
} from './telemetry/trace.js';
export { Backoff, backoffMs, type BackoffBounds } from './time/backoff.js';
export { CautiousClock } from './time/cautious-clock.js';
export { systemClock, systemMonotonicClock, type Clock, type MonotonicClock } from './time/clock.js';
export { allowManyListeners, delay } from './time/delay.js';
export { DueTimer, GATHER_MS, type DueLook } from './time/due-timer.js';
export { every } from './time/every.js';
export { soon } from './time/soon.js';
export { SteadyClock } from './time/steady-clock.js';
export { unlessAborted } from './time/unless-aborted.js';
export { firstLine, eachLine } from './net/lines.js';
