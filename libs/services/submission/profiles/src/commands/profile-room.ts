import { Inject, Injectable } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import { PLATFORM, profileDecider, type ProfileCommand } from '@fornax/domain';
import { PROFILES_CONFIG, type ProfilesConfig } from '../config/profiles-config.js';
import { stateOf } from '../model/profile-rows.js';
import { ProfileReader } from '../queries/profile-reader.js';

/** Profiles that one organization may have: names are cheap, and each is read by those who list them. */
const MOST_OF_ORGANIZATION = 200;

/** Bounds what an organization publishes. */
@Injectable()
export class ProfileRoom {
  constructor(
    private readonly reader: ProfileReader,
    @Inject(PROFILES_CONFIG) private readonly config: Pick<ProfilesConfig, 'mostBytes'>,
  ) {}

  /** @throws ValidationFailed there is none left */
  async check(command: Extract<ProfileCommand, { type: 'PublishProfile' }>): Promise<void> {
    const { owner, document } = command;
    const { name } = document;
    if (owner === PLATFORM) return;
    const [row] = await this.reader.named(name, [owner]);
    // What is there as it is takes no room.
    const decided = profileDecider.decide(row ? stateOf(row) : profileDecider.initial, command);
    if ('events' in decided && decided.events.length === 0) return;
    const bytes = await this.reader.bytesOf(owner);
    if (bytes + Buffer.byteLength(JSON.stringify(document)) > this.config.mostBytes)
      throw new ValidationFailed({
        constants: [
          `The profiles of this organization have ${bytes} bytes, all of their versions, and may have ${this.config.mostBytes}: whoever runs the platform can raise FORNAX_PROFILE_BYTES.`,
        ],
      });
    const all = await this.reader.newest([owner]);
    if (all.length >= MOST_OF_ORGANIZATION && !all.some((one) => one.name === name))
      throw new ValidationFailed({
        name: [`This organization has ${all.length} profiles, retired ones too: publish a version of one of them.`],
      });
  }
}
