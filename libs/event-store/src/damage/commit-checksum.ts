import { createHash } from 'node:crypto';

/** A message of the event stream, as far as its checksum goes. */
export interface Checked {
  readonly subject: string;
  readonly msgId: string;
  readonly data: Uint8Array;
  /** What the header `EVENT_HEADERS.checksum` says; empty for commits that are older than it. */
  readonly checksum: string;
}

/** A message of the event log holds other bytes than were appended. */
export class ChecksumMismatch extends Error {
  constructor() {
    super('its checksum does not match: it holds other bytes than were appended');
    this.name = 'ChecksumMismatch';
  }
}

/**
 * The checksum of one commit: SHA-256 over what it is (subject, message id) and what it says (the payload), as `sha256-<base64url>`. The
 * server knows its place alone, so that is not part of it: contiguity is checked beside it (ADR 0022).
 */
export const checksumOf = ({ subject, msgId, data }: Omit<Checked, 'checksum'>): string =>
  // Neither a subject nor a header can hold a line feed, so nothing can pass from one part to the next.
  `sha256-${createHash('sha256').update(`${subject}\n${msgId}\n`).update(data).digest('base64url')}`;

/** @throws ChecksumMismatch */
export const checkCommit = (message: Checked): void => {
  if (message.checksum !== '' && message.checksum !== checksumOf(message)) throw new ChecksumMismatch();
};
