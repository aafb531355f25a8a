import { Inject, Injectable } from '@nestjs/common';
import { LogReset, type EventLog, type LogHead } from '@fornax/event-store';
import { eventComment, eventRetry, eventText } from '@fornax/base';
import { EVENT_LOG } from '@fornax/service-kit';
import { NOTIFY_CONFIG, type NotifyConfig } from '../config/notify-config.js';
import { EventFeed } from './event-feed.js';
import { eventsFor, isAbout, type EventFilter } from './event-filter.js';
import { eventId, goneReason, type EventPosition } from './event-position.js';
import type { FeedEntry } from './feed-entry.js';
import type { FeedBatch } from './recent-entries.js';
import { TaskSnapshotReader } from '@fornax/tasks';

export interface StreamRequest {
  readonly filter: EventFilter;
  /** Where to go on; undefined: from now, after a snapshot. */
  readonly after: EventPosition | undefined;
  readonly withSnapshot: boolean;
  readonly signal: AbortSignal;
}

/** Where the tail begins, and what of it the reader has seen already. */
interface Start {
  readonly position: LogHead;
  /** Events of the commit at this place up to this index are known. */
  readonly seen: { readonly sequence: number; readonly index: number } | undefined;
  /** By task: commits up to here are in its snapshot. */
  readonly versions: ReadonlyMap<string, number>;
  /** Before this place an id would promise more than the reader got: who breaks off there begins anew. */
  readonly idsFrom: number;
}

const RECONNECT_MS = 1_000;

/**
 * The text of one live stream: `snapshot` (the tasks as they stand, in parts), then one message for each event, named after its type.
 * Every id is a place in the log, so whoever comes back with the last one misses nothing and gets nothing twice; when that place is gone,
 * `reset` says so and a new snapshot follows.
 */
@Injectable()
export class EventStream {
  constructor(
    private readonly feed: EventFeed,
    private readonly snapshots: TaskSnapshotReader,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(NOTIFY_CONFIG) private readonly config: NotifyConfig,
  ) {}

  /** Ends when `signal` aborts, the process ends, or the reader pulls no more. */
  async *open(request: StreamRequest): AsyncGenerator<string> {
    yield eventRetry(RECONNECT_MS);
    let { after } = request;
    while (!request.signal.aborted && !this.feed.closed.aborted) {
      const head = await this.log.head();
      const gone = after && goneReason(after, head);
      if (gone !== undefined) {
        yield eventText(JSON.stringify({ reason: gone, sequence: head.sequence }), { event: 'reset' });
        after = undefined;
      }
      try {
        const start = after ? resumed(after, head) : yield* this.begin(request, head);
        return yield* this.tail(request, start);
      } catch (error) {
        if (!(error instanceof LogReset)) throw error;
        after = { sequence: Number.MAX_SAFE_INTEGER, index: null, log: null };
      }
    }
  }

  private async *begin({ filter, withSnapshot }: StreamRequest, head: LogHead): AsyncGenerator<string, Start> {
    if (!withSnapshot) {
      yield eventComment('no snapshot', eventId(head.epoch, head.sequence));
      return { position: head, seen: undefined, versions: new Map(), idsFrom: head.sequence };
    }
    let first: number | undefined;
    let idsFrom = 0;
    const versions = new Map<string, number>();
    for await (const part of this.snapshots.read(filter, head.epoch)) {
      first ??= part.sequence;
      // Later parts are newer: of their tasks the tail would tell what they show already.
      idsFrom = Math.max(first, idsFrom);
      for (const { uuid, sequence } of part.tasks) {
        if (sequence <= first) continue;
        versions.set(uuid, sequence);
        idsFrom = Math.max(idsFrom, sequence);
      }
      const json = JSON.stringify(part);
      const isWhole = part.isLast && idsFrom === first;
      yield eventText(json, { event: 'snapshot', id: isWhole ? eventId(head.epoch, first) : undefined });
    }
    return { position: { epoch: head.epoch, sequence: first ?? head.sequence }, seen: undefined, versions, idsFrom };
  }

  private async *tail({ filter, signal }: StreamRequest, start: Start): AsyncGenerator<string> {
    const { epoch } = start.position;
    const idleMs = this.config.eventsHeartbeatMs;
    let wroteAt = performance.now();
    for await (const batch of this.feed.read(start.position, idleMs, signal)) {
      const text = textOf(batch, epoch, filter, start);
      const isQuiet = text === '' && performance.now() - wroteAt < idleMs;
      if (isQuiet) continue;
      const id = batch.sequence >= start.idsFrom ? eventId(epoch, batch.sequence) : undefined;
      yield text === '' ? eventComment('heartbeat', id) : text;
      wroteAt = performance.now();
    }
  }
}

const resumed = ({ sequence, index }: EventPosition, { epoch }: LogHead): Start => ({
  position: { epoch, sequence: index === null ? sequence : Math.max(0, sequence - 1) },
  seen: index === null ? undefined : { sequence, index },
  versions: new Map(),
  idsFrom: 0,
});

const isKnown = (entry: FeedEntry, { versions }: Start): boolean =>
  entry.isInStatus && entry.sequence <= (versions.get(entry.about) ?? 0);

const textOf = ({ entries }: FeedBatch, epoch: string, filter: EventFilter, start: Start): string => {
  let text = '';
  for (const entry of entries) {
    if (!isAbout(filter, entry) || isKnown(entry, start)) continue;
    for (const { index, type, json } of eventsFor(filter, entry)) {
      if (entry.sequence === start.seen?.sequence && index <= start.seen.index) continue;
      const id = entry.sequence >= start.idsFrom ? eventId(epoch, entry.sequence, index) : undefined;
      text += eventText(json, { event: type, id });
    }
  }
  return text;
};
