import { LogDamaged, type DamagedPlace, type LogHead } from '../log/event-log.js';
import { type Checked, ChecksumMismatch, checkCommit } from './commit-checksum.js';
import { type Gap, gapBefore } from './gaps.js';

export interface VerifyOptions {
  readonly from: number;
  /** Sequences that are looked at, at most. */
  readonly most: number;
}

/** What a part of the log holds. */
export interface LogVerification {
  readonly from: number;
  /** The last sequence that was looked at; the whole log was once this is the head. */
  readonly to: number;
  readonly head: LogHead;
  /** Commits that are there, and those of them that are older than checksums. */
  readonly commits: number;
  readonly withoutChecksum: number;
  /** Damage that touches this part, what operators gave up too. */
  readonly damage: readonly DamagedPlace[];
}

export interface VerifyParts<M extends Checked & { readonly sequence: number }> {
  readonly head: () => Promise<LogHead>;
  readonly replay: (from: number, to: number) => AsyncIterable<readonly M[]>;
  /** @throws LogDamaged unless it is given up */
  readonly checkGap: (gap: Gap) => Promise<void>;
  readonly noticeChanged: (message: M) => void;
  readonly damagedPlaces: () => readonly DamagedPlace[];
}

/** Reads a part of the log message by message: each sequence must be there, and hold what was appended. What is not is noticed. */
export const verifyLog = async <M extends Checked & { readonly sequence: number }>(
  parts: VerifyParts<M>,
  { from: wanted, most }: VerifyOptions,
): Promise<LogVerification> => {
  const head = await parts.head();
  const from = Math.max(1, wanted);
  const to = Math.max(from - 1, Math.min(head.sequence, from + most - 1));
  let last = from - 1;
  let commits = 0;
  let withoutChecksum = 0;
  const check = async (next: number): Promise<void> => {
    const gap = gapBefore(next, last);
    if (gap !== undefined) await parts.checkGap(gap).catch(passDamage);
  };
  for await (const messages of to < from ? [] : parts.replay(from, to))
    for (const message of messages) {
      await check(message.sequence);
      last = message.sequence;
      commits += 1;
      if (message.checksum === '') withoutChecksum += 1;
      if (hasChanged(message)) parts.noticeChanged(message);
    }
  await check(to + 1);
  const damage = parts.damagedPlaces().filter((place) => place.from <= to && from <= place.through);
  return { from, to, head, commits, withoutChecksum, damage };
};

const passDamage = (error: unknown): void => {
  if (!(error instanceof LogDamaged)) throw error;
};

const hasChanged = (message: Checked): boolean => {
  try {
    checkCommit(message);
    return false;
  } catch (error) {
    if (error instanceof ChecksumMismatch) return true;
    throw error;
  }
};
