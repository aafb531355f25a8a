import { Inject, Injectable } from '@nestjs/common';
import type { WireLogProof } from '@fornax/contracts';
import { proofOfRange } from '@fornax/domain';
import { ArchiveIndex, type JetStreamLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import type { StatementFacts } from './statement-reader.js';

/** The log is folded from its first commit on. */
const FIRST = 1;

type Segments = Parameters<typeof proofOfRange>[0];

/** Says what proves the range of the log that a statement was folded from, as far as it is archived. */
@Injectable()
export class StatementProofs {
  /** Of what is behind what has left the log, which its last segment stands for. */
  private recent: ArchiveIndex;
  private whole: ArchiveIndex;

  constructor(@Inject(EVENT_LOG) private readonly live: Pick<JetStreamLog, 'left' | 'readAggregate' | 'head'>) {
    this.recent = new ArchiveIndex(live);
    this.whole = new ArchiveIndex(live);
  }

  async of({ log, through }: Pick<StatementFacts, 'log' | 'through'>): Promise<WireLogProof> {
    const proof = proofOfRange(await this.segmentsOf(log, through), FIRST, through);
    return { log, ...proof, isWhole: proof.archivedTo === through };
  }

  /** What is archived of a log; nothing of one that is not there any more: its index went with it, and that of another one proves nothing of it. */
  private async segmentsOf(log: string, through: number): Promise<Segments> {
    if ((await this.live.head()).epoch !== log) return [];
    const segments = await this.read(log, through);
    if ((await this.live.head()).epoch === log) return segments;
    // Another log came meanwhile, and what was read may be of that one.
    this.recent = new ArchiveIndex(this.live);
    this.whole = new ArchiveIndex(this.live);
    return [];
  }

  private async read(log: string, through: number): Promise<Segments> {
    const left = await this.live.left();
    return left.to === 0 || through <= left.to
      ? this.whole.segments(log)
      : [left, ...(await this.recent.segments(log, left.to))];
  }
}
