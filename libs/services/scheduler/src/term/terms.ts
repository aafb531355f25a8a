import { Injectable } from '@nestjs/common';
import { Leadership } from '../leader/leadership.js';
import { AcceptedLog } from './accepted-log.js';
import { LeaderDoor } from './leader-door.js';
import { Losses } from './losses.js';
import { TermPorts } from './term-ports.js';

/**
 * Runs the terms of this process as leader, one at a time. A standby holds nothing: a new leader folds its view from the log. States of a term:
 * waiting (the log may not be written yet, or nodes have to forget) -> loading -> leading -> over.
 */
@Injectable()
export class Terms {
  private leadership: Leadership | undefined;
  private endTerm: (() => void) | undefined;
  /** Highest epoch of another leader that the log has shown: the next term here is above it. */
  private seenEpoch = 0;

  constructor(
    private readonly log: AcceptedLog,
    private readonly losses: Losses,
    private readonly ports: TermPorts,
    private readonly door: LeaderDoor,
  ) {}

  /** The leadership once its view is loaded; undefined in a standby and while a term begins. */
  get current(): Leadership | undefined {
    return this.leadership;
  }

  /**
   * What the epoch of the next term must be above. An older log has an older count of terms with it, and nodes remember the higher one. When it was
   * accepted stands in Postgres, which may be lost, too: what the log itself has seen counts as well.
   */
  epochFloor(): number {
    return Math.max(this.log.lastAcceptedAt, this.seenEpoch);
  }

  /** Ends the term that this process holds, also while it begins. @returns whether there was one */
  end(): boolean {
    this.endTerm?.();
    return this.endTerm !== undefined;
  }

  /** Leads until the signal aborts or the term fails or ends by itself. */
  async run(epoch: number, signal: AbortSignal): Promise<void> {
    // Ends with the leadership, or when this term fails by itself: everything it started must stop before the next one.
    const over = new AbortController();
    const term = AbortSignal.any([signal, over.signal]);
    this.endTerm = () => over.abort();
    const stopListening = this.log.onTrouble(() => over.abort());
    this.door.answerBeginAnew(() => over.abort(), term);
    try {
      await this.log.opened(term);
      if (term.aborted) return;
      const onSuperseded = (seen: number): void => {
        this.seenEpoch = Math.max(this.seenEpoch, seen);
        over.abort();
      };
      const ports = { ...this.ports.ports(), ...(await this.losses.ports()), onSuperseded };
      const leadership = await Leadership.begin(ports, epoch, term);
      this.leadership = leadership;
      this.door.open(leadership, term);
      await leadership.run();
    } finally {
      this.leadership = undefined;
      this.endTerm = undefined;
      stopListening();
      over.abort();
    }
  }
}
