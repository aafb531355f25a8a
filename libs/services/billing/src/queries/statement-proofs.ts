import { Inject, Injectable } from '@nestjs/common';
import type { WireLogProof } from '@fornax/contracts';
import { proofOfRange } from '@fornax/domain';
import { ArchiveIndex, type JetStreamLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import type { StatementFacts } from './statement-reader.js';

/** The log is folded from its first commit on. */
const FIRST = 1;

/** Says what proves the range of the log that a statement was folded from, as far as it is archived. */
@Injectable()
export class StatementProofs {
  /** Of what is behind what has left the log, which its last segment stands for. */
  private readonly recent: ArchiveIndex;
  private readonly whole: ArchiveIndex;

  constructor(@Inject(EVENT_LOG) private readonly log: Pick<JetStreamLog, 'left' | 'readAggregate'>) {
    this.recent = new ArchiveIndex(log);
    this.whole = new ArchiveIndex(log);
  }

  async of({ log, through }: Pick<StatementFacts, 'log' | 'through'>): Promise<WireLogProof> {
    const left = await this.log.left();
    const segments =
      left.to === 0 || through <= left.to
        ? await this.whole.segments(log)
        : [left, ...(await this.recent.segments(log, left.to))];
    const proof = proofOfRange(segments, FIRST, through);
    return { log, ...proof, isWhole: proof.archivedTo === through };
  }
}
