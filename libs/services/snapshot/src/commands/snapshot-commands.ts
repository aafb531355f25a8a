import { Inject, Injectable } from '@nestjs/common';
import type { Actor, CommitMeta } from '@fornax/contracts';
import {
  isSnapshotOpen,
  snapshotDecider,
  type Decider,
  type PruneCause,
  type SnapshotCommand,
  type SnapshotEvent,
  type SnapshotState,
} from '@fornax/domain';
import { decideAndAppend, loadAggregate, onGivenUp, Quarantine, type EventLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { activeTraceparent, newId, type Clock } from '@fornax/base';

/** Several commands as one decision, hence one commit: each is decided on what the ones before it gave. */
const inOneCommit: Decider<SnapshotState, readonly SnapshotCommand[], SnapshotEvent> = {
  ...snapshotDecider,
  decide: (initial, commands) => {
    let state = initial;
    const events: SnapshotEvent[] = [];
    for (const command of commands) {
      const decision = snapshotDecider.decide(state, command);
      if ('rejection' in decision) return decision;
      events.push(...decision.events);
      state = decision.events.reduce(snapshotDecider.evolve, state);
    }
    return { events };
  },
};

export type TriggerFacts = Omit<Extract<SnapshotCommand, { type: 'TriggerSnapshot' }>, 'type' | 'at'>;
/** A command about a part, its time still to be set. */
export type PartCommand =
  Exclude<SnapshotCommand, { type: 'TriggerSnapshot' | 'RequestPrune' | 'FinishPrune' }> extends infer C
    ? C extends { at: number }
      ? Omit<C, 'at'>
      : never
    : never;

/** Who asks, for whom and why. */
export type Who = Pick<CommitMeta, 'actor' | 'onBehalfOf' | 'reason' | 'correlationId'>;

/** Appends what is decided about snapshots. Keeps the few that are open in memory, so that a report costs one append. */
@Injectable()
export class SnapshotCommands {
  private readonly open = new Map<string, Loaded<SnapshotState>>();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    quarantine: Quarantine,
  ) {
    // They may be made of commits that the log has lost: what is left of each is read when it is needed.
    onGivenUp(quarantine, () => this.open.clear());
  }

  /** @returns when it was triggered, in milliseconds @throws CommandRejected */
  async trigger(facts: TriggerFacts, who: Who): Promise<number> {
    const at = this.clock.now();
    await this.append(facts.snapshotId, [{ type: 'TriggerSnapshot', ...facts, at }], who);
    return at;
  }

  /** Records one that fails as it is triggered, so that whoever planned it sees why. It names the first of its parts alone. @throws CommandRejected */
  async triggerFailed({ parts, ...facts }: TriggerFacts, reason: string, who: Who): Promise<void> {
    const at = this.clock.now();
    const failed = parts
      .slice(0, 1)
      .map(({ leaseId }): SnapshotCommand => ({ type: 'RecordPartFailed', leaseId, reason, at }));
    const triggered: SnapshotCommand = { type: 'TriggerSnapshot', ...facts, parts: parts.slice(0, 1), at };
    await this.append(facts.snapshotId, [triggered, ...failed], who);
  }

  /** Records what became of parts. What is late, doubled or unknown is ignored. */
  async record(snapshotId: string, commands: readonly PartCommand[], actor: Actor): Promise<void> {
    const at = this.clock.now();
    await this.append(
      snapshotId,
      commands.map((command): SnapshotCommand => ({ ...command, at })),
      { actor, correlationId: snapshotId },
    );
  }

  /** Lets no instance begin with it any more; its files go once none is about to. Safe to repeat. @throws CommandRejected */
  async requestPrune(snapshotId: string, cause: PruneCause, who: Who): Promise<void> {
    await this.append(snapshotId, [{ type: 'RequestPrune', cause, at: this.clock.now() }], who);
  }

  /** Lets its files go. Safe to repeat. */
  async finishPrune(snapshotId: string): Promise<void> {
    const who = { actor: 'service:snapshot', correlationId: snapshotId } as const;
    await this.append(snapshotId, [{ type: 'FinishPrune', at: this.clock.now() }], who);
  }

  /** The snapshot as the log has it now. */
  async load(snapshotId: string): Promise<SnapshotState> {
    const loaded = await loadAggregate(this.log, 'snapshot', snapshotId, snapshotDecider, this.open.get(snapshotId));
    this.keep(snapshotId, loaded);
    return loaded.state;
  }

  /** Is it one of the open ones that are kept in memory? */
  holds(snapshotId: string): boolean {
    return this.open.has(snapshotId);
  }

  /** The snapshot is over: whoever ended it, here or in another process. */
  forget(snapshotId: string): void {
    this.open.delete(snapshotId);
  }

  private async append(snapshotId: string, command: readonly SnapshotCommand[], who: Who): Promise<void> {
    const traceparent = activeTraceparent();
    const meta: CommitMeta = { ...who, source: 'snapshot', ...(traceparent === undefined ? {} : { traceparent }) };
    const loaded = this.open.get(snapshotId);
    const appended = await decideAndAppend({
      log: this.log,
      aggregate: 'snapshot',
      id: snapshotId,
      decider: inOneCommit,
      command,
      commitId: newId(),
      meta,
      at: this.clock.now(),
      ...(loaded ? { loaded } : {}),
    });
    this.keep(snapshotId, appended);
  }

  private keep(snapshotId: string, { state, sequence }: Loaded<SnapshotState>): void {
    if (isSnapshotOpen(state)) this.open.set(snapshotId, { state, sequence });
    else this.open.delete(snapshotId);
  }
}
