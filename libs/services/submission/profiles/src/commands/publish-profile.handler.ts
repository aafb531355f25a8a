import { Inject, Injectable } from '@nestjs/common';
import { newId, ValidationFailed, type Clock } from '@fornax/base';
import { pathOf, profileDocumentOf, type WrittenProfile } from '@fornax/contracts';
import { PLATFORM, profileDecider, profileFaults, profileIdOf, type ProfileCommand } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { userMeta, type Asking } from '@fornax/identity';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { Audiences } from '../model/audiences.js';
import { stateOf } from '../model/profile-rows.js';
import { ProfileBarrier } from '../model/profiles.projection.js';
import { ProfileReader } from '../queries/profile-reader.js';

/** Profiles that one organization may have: names are cheap, and each is read by those who list them. */
const MOST_OF_ORGANIZATION = 200;

/** Publishes and retires profiles; answers once the rows show it. */
@Injectable()
export class PublishProfile {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly reader: ProfileReader,
    private readonly audiences: Audiences,
    private readonly barrier: ProfileBarrier,
  ) {}

  /** What is published as it is already is left as it is. @throws ValidationFailed with the fields that are wrong; CommandRejected */
  async publish(owner: string, written: WrittenProfile, asking: Asking): Promise<void> {
    const document = profileDocumentOf(written, this.audiences.idsOf(written.usableBy, owner));
    const faults = Map.groupBy(profileFaults(document), ({ path }) => writtenPath(path));
    if (faults.size > 0)
      throw new ValidationFailed(
        Object.fromEntries([...faults].map(([path, found]) => [path, found.map(({ detail }) => detail)])),
      );
    await this.checkRoom(owner, document.name);
    await this.decide(document.name, { type: 'PublishProfile', owner, document, at: this.clock.now() }, asking);
  }

  /** @throws CommandRejected there is none */
  retire(owner: string, name: string, asking: Asking): Promise<void> {
    return this.decide(name, { type: 'RetireProfile', owner, name, at: this.clock.now() }, asking);
  }

  private async checkRoom(owner: string, name: string): Promise<void> {
    if (owner === PLATFORM) return;
    const all = await this.reader.newest([owner]);
    if (all.length >= MOST_OF_ORGANIZATION && !all.some((one) => one.name === name))
      throw new ValidationFailed({
        name: [`This organization has ${all.length} profiles, retired ones too: publish a version of one of them.`],
      });
  }

  private async decide(name: string, command: ProfileCommand, asking: Asking): Promise<void> {
    const { owner, at } = command;
    const [row] = await this.reader.named(name, [owner]);
    const meta =
      owner === PLATFORM
        ? userMeta('submission', asking)
        : userMeta('submission', asking, { kind: 'organisation', id: owner });
    const { sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'profile',
      id: profileIdOf(owner, name),
      decider: profileDecider,
      command,
      commitId: newId(),
      meta,
      at,
      ...(row === undefined ? {} : { loaded: { state: stateOf(row), sequence: Number(row.sequence) } }),
    });
    await this.barrier.passed(sequence);
  }
}

/** Where the document that people write has it: all of it is one place. */
const writtenPath = (path: readonly (string | number)[]): string => (path.length === 0 ? 'constants' : pathOf(path));
