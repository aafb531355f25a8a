import { Injectable } from '@nestjs/common';
import { CommandRejected, CommitTooLarge } from '@fornax/event-store';
import { SnapshotCommands, type TriggerFacts, type Who } from './snapshot-commands.js';

/** Triggers a snapshot whose id says what it is for: however many processes do, and however often, there is one. */
@Injectable()
export class SnapshotOnce {
  constructor(private readonly commands: SnapshotCommands) {}

  /** One of too many instances is recorded as failed. @throws LogUnavailable */
  async trigger(facts: TriggerFacts, who: Who): Promise<void> {
    try {
      try {
        await this.commands.trigger(facts, who);
      } catch (error) {
        if (!(error instanceof CommitTooLarge)) throw error;
        await this.commands.triggerFailed(facts, `${facts.parts.length} instances are too many for one snapshot`, who);
      }
    } catch (error) {
      // Another process was faster, or it was told twice.
      if (!(error instanceof CommandRejected && error.rejection.code === 'snapshot-exists')) throw error;
    }
  }
}
