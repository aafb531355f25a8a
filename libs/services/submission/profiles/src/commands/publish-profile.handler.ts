import { Inject, Injectable } from '@nestjs/common';
import { newId, ValidationFailed, type Clock } from '@fornax/base';
import { pathOf, profileDocumentOf, type WrittenProfile } from '@fornax/contracts';
import { PLATFORM, profileDecider, profileFaults, profileIdOf, type ProfileCommand } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { userMeta, type Asking } from '@fornax/identity';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { Audiences } from '../model/audiences.js';
import { stateOf } from '../model/profile-rows.js';
import { ProfileReader } from '../queries/profile-reader.js';
import { ProfileRoom } from './profile-room.js';

/** Publishes and retires profiles; answers once the rows show it. */
@Injectable()
export class PublishProfile {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly reader: ProfileReader,
    private readonly audiences: Audiences,
    private readonly room: ProfileRoom,
  ) {}

  /** What is published as it is already is left as it is. @throws ValidationFailed with the fields that are wrong; CommandRejected */
  async publish(owner: string, written: WrittenProfile, asking: Asking): Promise<void> {
    const document = profileDocumentOf(written, this.audiences.idsOf(written.usableBy, owner));
    const faults = Map.groupBy(profileFaults(document), ({ path }) => writtenPath(path));
    if (faults.size > 0)
      throw new ValidationFailed(
        Object.fromEntries([...faults].map(([path, found]) => [path, found.map(({ detail }) => detail)])),
      );
    const command = { type: 'PublishProfile', owner, document, at: this.clock.now() } as const;
    await this.room.check(command);
    await this.decide(document.name, command, asking);
  }

  /** @throws CommandRejected there is none */
  retire(owner: string, name: string, asking: Asking): Promise<void> {
    return this.decide(name, { type: 'RetireProfile', owner, name, at: this.clock.now() }, asking);
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
    await this.reader.passed(sequence);
  }
}

/** Where the document that people write has it: all of it is one place. */
const writtenPath = (path: readonly (string | number)[]): string => (path.length === 0 ? 'constants' : pathOf(path));
