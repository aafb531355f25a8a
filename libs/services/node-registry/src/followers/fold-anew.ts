import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { delay } from '@fornax/base';
import { onGivenUp, Quarantine, type EventLog } from '@fornax/event-store';
import { EVENT_LOG, LOGGER } from '@fornax/service-kit';
import type { Logger } from 'pino';
import { NodeTokens } from '../enrollment/node-tokens.js';
import { Fleet } from '../fleet/fleet.js';

const AGAIN_MS = 1_000;

/**
 * Folds nodes and their tokens anew, beside those in use, when operators have given up commits of the log (ADR 0032). Otherwise a node whose join is
 * lost would be told that it has joined, and nobody else would know of its session.
 */
@Injectable()
export class FoldAnew implements BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private last: Promise<void> = Promise.resolve();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(LOGGER) private readonly logger: Logger,
    quarantine: Quarantine,
    private readonly fleet: Fleet,
    private readonly tokens: NodeTokens,
  ) {
    const stopListening = onGivenUp(quarantine, () => (this.last = this.last.then(() => this.untilDone())));
    this.stop.signal.addEventListener('abort', stopListening, { once: true });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.last;
  }

  private async untilDone(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      try {
        await this.foldAnew();
        return;
      } catch (error) {
        this.logger.warn({ err: error }, 'nodes could not be folded anew after commits were given up, trying again');
        await delay(AGAIN_MS, signal);
      }
    }
  }

  private async foldAnew(): Promise<void> {
    const [fleet, tokens] = [new Fleet(), this.tokens.empty()];
    // What comes after the end of this is still to be handed over to those in use.
    for (let at = 0, to = this.position(); at < to; at = to, to = this.position())
      for await (const batch of this.log.read({ from: at + 1, to, aggregates: ['node', 'node-token'] }))
        for (const commit of batch) {
          fleet.fold(commit);
          tokens.fold(commit);
        }
    this.fleet.replaceBy(fleet);
    this.tokens.replaceBy(tokens);
    this.logger.info({ nodes: fleet.size }, 'nodes were folded anew after commits of the event log were given up');
  }

  private position(): number {
    return Math.max(this.fleet.position, this.tokens.position);
  }
}
