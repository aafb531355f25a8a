import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import { STREAMS, type RecordedCommit } from '@fornax/contracts';
import { ChecksumMismatch, checkCommit } from '../damage/commit-checksum.js';
import { type Gap, countMissing, gapBefore, gapsIn } from '../damage/gaps.js';
import type { Reading } from '../damage/reading.js';
import { takeUndamaged } from '../damage/take-undamaged.js';
import { type DamagedPlace, type LogExtent, type LogHead, LogReset } from '../log/event-log.js';
import type { Quarantine } from '../quarantine/quarantine.js';
import type { FeedMessage } from '../jetstream/pull-feed.js';
import type { StoredMessages } from '../jetstream/stored-messages.js';
import { epochOf } from '../jetstream/streams.js';
import type { LeftPrefix } from '../jetstream/left-prefix.js';
import { type LogMessage, commitOf, foundIn, messageOf } from './messages.js';

const STREAM_NOT_FOUND = 10059;

const epochAndEnd = (info: StreamInfo): LogHead => ({ epoch: epochOf(info), sequence: info.state.last_seq });

/** Knows whether the log is the one that was read and whether it is whole. What is not goes into the quarantine. */
export class LogIntegrity {
  /** For which numbers of the stream its gaps are known. */
  private checkedCounts = '';
  /** Up to where the end of the stream was looked at. */
  private checkedEnd = '';

  constructor(
    private readonly jsm: JetStreamManager,
    private readonly stored: StoredMessages,
    private readonly quarantine: Quarantine,
    private readonly left: LeftPrefix,
  ) {}

  async head(): Promise<LogHead> {
    const info = await this.jsm.streams.info(STREAMS.events);
    const epoch = epochOf(info);
    this.quarantine.enter(epoch);
    await this.noticeGaps(info);
    return { epoch, sequence: info.state.last_seq };
  }

  /** How large the log is. */
  async extent(): Promise<LogExtent> {
    const { state } = await this.jsm.streams.info(STREAMS.events);
    return { first: state.first_seq, commits: state.messages, bytes: state.bytes };
  }

  /** @throws LogReset */
  async checkUnchanged(epoch: string, position: number): Promise<void> {
    const info = await this.eventStreamInfo();
    const head = epochAndEnd(info);
    if (head.epoch !== epoch)
      throw new LogReset(
        `the event log has epoch ${head.epoch}, but ${epoch} was being read: it was wiped or recreated`,
      );
    if (head.sequence < position)
      throw new LogReset(
        `the event log ends at ${head.sequence}, but was read up to ${position}: it went back in time`,
      );
    await this.noticeGaps(info);
    await this.noticeLostEnd(info);
  }

  private async eventStreamInfo(): Promise<StreamInfo> {
    try {
      return await this.jsm.streams.info(STREAMS.events);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NOT_FOUND) throw error;
      throw new LogReset(`the event log is gone: stream ${STREAMS.events} does not exist`, { cause: error });
    }
  }

  /** What the stream says of itself shows most gaps; nothing is asked twice. */
  async noticeGaps(info: StreamInfo): Promise<void> {
    const epoch = epochOf(info);
    const { to } = info.state.first_seq > 1 ? await this.leftBefore(info.state.first_seq) : { to: 0 };
    const missing = countMissing(info.state, to);
    const checked = `${epoch}/${missing}`;
    if (this.checkedCounts === checked) return;
    if (missing > 0) {
      const { state } = await this.jsm.streams.info(STREAMS.events, { deleted_details: true });
      for (const gap of gapsIn(state, to)) this.quarantine.noticeGap(gap);
    }
    this.checkedCounts = checked;
  }

  /** What has left a log that begins there. */
  private async leftBefore(first: number): Promise<{ readonly to: number }> {
    const left = await this.left.current();
    return left.to < first - 1 ? this.left.look() : left;
  }

  /**
   * A message with changed bytes is counted, but never given: whoever is given the next one notices. Behind the last one there is none, so it is
   * asked for; everybody would wait for it for ever.
   */
  async noticeLostEnd(info: StreamInfo): Promise<void> {
    const { last_seq: last } = info.state;
    const checked = `${epochOf(info)}/${last}`;
    if (this.checkedEnd === checked) return;
    const isLost = async (sequence: number): Promise<boolean> =>
      sequence > 0 && !this.quarantine.isInGap(sequence) && (await this.stored.at(sequence)) === undefined;
    let from = last + 1;
    while (await isLost(from - 1)) from -= 1;
    if (from <= last) this.quarantine.noticeGap({ from, through: last, missing: last - from + 1 });
    this.checkedEnd = checked;
  }

  /** The server may have started anew, on other files. */
  lookAgain(): void {
    this.left.forget();
    this.checkedEnd = '';
  }

  /** @throws LogDamaged unless operators have given it up */
  async checkGap(gap: Gap): Promise<void> {
    for (const sequence of new Set([gap.from, gap.through]))
      if ((await this.stored.at(sequence)) !== undefined)
        throw new Error(`the server left out message ${sequence} of the event log, which it has`);
    const damage = this.quarantine.noticeGap(gap);
    if (damage !== undefined) throw damage;
  }

  /** @throws LogDamaged the end of what was asked for is missing */
  async checkEnd(last: number, to: number): Promise<void> {
    const { sequence } = await this.head();
    const gap = gapBefore(Math.min(to, sequence) + 1, last);
    if (gap !== undefined) await this.checkGap(gap);
  }

  /**
   * The commit in a message, or undefined for one that is left out: it is put into the quarantine then, if it is not there yet.
   * @throws LogDamaged it holds other bytes than were appended
   */
  readCommit(message: LogMessage, read: () => RecordedCommit = () => commitOf(message)): RecordedCommit | undefined {
    const { sequence } = message;
    if (this.quarantine.skips(sequence)) return undefined;
    try {
      return read();
    } catch (error) {
      const found = foundIn(message, error);
      if (error instanceof ChecksumMismatch) throw this.quarantine.noticeChanged(found);
      this.quarantine.noticeEvent({ ...found, stream: STREAMS.events, headers: [] });
      return undefined;
    }
  }

  /**
   * Whether a message holds what was appended; false where it does not and operators have given that up.
   * @throws LogDamaged
   */
  isWhole(message: LogMessage): boolean {
    try {
      checkCommit(message);
      return true;
    } catch (error) {
      if (!(error instanceof ChecksumMismatch)) throw error;
      const { sequence } = message;
      const isHere = ({ from, through }: DamagedPlace): boolean => from <= sequence && sequence <= through;
      if (this.quarantine.damagedPlaces().some((place) => place.isGivenUp && isHere(place))) return false;
      throw this.quarantine.noticeChanged(foundIn(message, error));
    }
  }

  /** @throws LogDamaged somewhere in them */
  async commitsOf(
    messages: readonly FeedMessage[],
    options: {
      readonly reading: Reading;
      readonly isWanted?: (subject: string) => boolean;
      readonly despiteDamage?: boolean;
    },
  ): Promise<readonly RecordedCommit[]> {
    const { reading, isWanted = () => true, despiteDamage = false } = options;
    const { commits, damage } = await takeUndamaged(messages, {
      reading,
      despiteDamage,
      checkGap: (gap) => this.checkGap(gap),
      givenOf: messageOf,
      read: (message) => (isWanted(message.subject) ? this.readCommit(messageOf(message)) : undefined),
    });
    if (damage !== undefined) throw damage;
    return commits;
  }
}
