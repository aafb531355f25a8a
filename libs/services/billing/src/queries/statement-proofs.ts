import { Inject, Injectable } from '@nestjs/common';
import type { WireLogProof } from '@fornax/contracts';
import { proofOfRange } from '@fornax/domain';
import { ArchiveIndex, type EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import type { StatementFacts } from './statement-reader.js';

/** The log is folded from its first commit on. */
const FIRST = 1;

/** Says what proves the range of the log that a statement was folded from, as far as it is archived. */
@Injectable()
export class StatementProofs {
  private readonly index: ArchiveIndex;

  constructor(@Inject(EVENT_LOG) log: EventLog) {
    this.index = new ArchiveIndex(log);
  }

  async of({ log, through }: Pick<StatementFacts, 'log' | 'through'>): Promise<WireLogProof> {
    const proof = proofOfRange(await this.index.segments(log), FIRST, through);
    return { log, ...proof, isWhole: proof.archivedTo === through };
  }
}
