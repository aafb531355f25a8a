import { Injectable } from '@nestjs/common';
import { ErrorTails, type TaskStatus } from '@fornax/tasks';
import { RangeReader } from './range-reader.js';

/** As much of the end of standard error as an error shows. */
const TAIL_BYTES = 600;

/** Who asks for a task does not wait long for output, which others may be flooding. */
const WAIT_MS = 2_000;

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** Text from its first whole character on. */
const textFrom = (bytes: Buffer): string => {
  let start = 0;
  while (start < 3 && isContinuation(bytes[start])) start += 1;
  return bytes.subarray(start).toString('utf8');
};

/** Reads the end of standard error for those who show why an instance failed. */
@Injectable()
export class ErrorOutput {
  constructor(
    tails: ErrorTails,
    private readonly ranges: RangeReader,
  ) {
    tails.readBy((task, instance) => this.last(task, instance));
  }

  private async last(task: TaskStatus, instance: number): Promise<{ text: string; isOver: boolean }> {
    const { bytes, isOver } = await this.ranges.readLast(
      { kind: 'tasks', task, stream: 'stderr', instance },
      TAIL_BYTES,
      WAIT_MS,
    );
    return { text: textFrom(Buffer.concat(await Array.fromAsync(bytes))), isOver };
  }
}
