import type { WireArchiveFinding } from '@fornax/client';
import { ApiError } from '@fornax/client';
import { teller, type Io } from '../terminal/io.js';

/** What was found in the archive of the log. */
export interface ArchiveVerification {
  readonly epoch: string | null;
  readonly segments: number;
  readonly compared: number;
  readonly messages: number;
  readonly bytes: number;
  readonly to: number;
  readonly hash: string;
  readonly findings: readonly WireArchiveFinding[];
}

/** @returns undefined when the platform is of a release without an archive */
export const verifyArchive = async (
  io: Io,
  { log, until }: { readonly log?: string | undefined; readonly until?: number },
): Promise<ArchiveVerification | undefined> => {
  const tell = teller(io);
  const findings: WireArchiveFinding[] = [];
  const sums = { segments: 0, compared: 0, messages: 0, bytes: 0 };
  try {
    for (let after: string | undefined; ;) {
      const part = await io.client().log.verifyArchive({
        signal: io.signal,
        ...(after === undefined ? {} : { after }),
        ...(log === undefined ? {} : { log }),
        ...(until === undefined ? {} : { until }),
      });
      sums.segments += part.segments;
      sums.compared += part.compared;
      sums.messages += part.messages;
      sums.bytes += part.bytes;
      findings.push(...part.findings);
      const { epoch, to, hash, next } = part;
      if (next === null) return { epoch, ...sums, to, hash, findings };
      after = next;
      tell(`verified ${sums.segments} segments of the archive, up to ${to}`);
    }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
};

export const printArchive = (
  io: Io,
  { segments, compared, messages, to, hash, findings }: ArchiveVerification,
): void => {
  if (segments === 0) return io.print('nothing of the log is archived yet');
  const state =
    findings.length === 0
      ? `the archive is whole, hash ${hash}`
      : 'the archive is not what was archived, or not what the log holds';
  io.print(
    `${segments} segments of the archive up to ${to}, ${messages} commits, ${compared} compared with the log: ${state}`,
  );
  if (findings.length === 0) return;
  const rows = findings.map(({ segment, key, sequence, offset, reason }) => [
    segment,
    sequence ?? '',
    offset ?? '',
    key ?? '',
    reason.replace(/\s+/g, ' '),
  ]);
  io.table([['SEGMENT', 'SEQUENCE', 'OFFSET', 'OBJECT', 'WHAT'], ...rows]);
};
