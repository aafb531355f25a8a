import { Inject, Injectable } from '@nestjs/common';
import type { WireProfile } from '@fornax/contracts';
import { SUBMISSION_CONFIG, type SubmissionConfig } from '../config/submission-config.js';
import { dockerBatch } from './docker-batch.profile.js';
import type { Profile } from './profile.js';

/** Only what the nodes can run is listed. */
const PROFILES: readonly Profile[] = [dockerBatch];

export const hostFilesystemNote = (profile: string): string =>
  `No container engine is configured: ${profile} ran its command in a sandbox on the node's own root file system, read-only; DOCKER_REPO and DOCKER_TAG had no effect.`;

@Injectable()
export class ProfileCatalogue {
  private readonly byName = new Map(PROFILES.map((profile) => [profile.name, profile]));

  constructor(@Inject(SUBMISSION_CONFIG) private readonly config: Pick<SubmissionConfig, 'hasContainerEngine'>) {}

  names(): readonly string[] {
    return PROFILES.map(({ name }) => name);
  }

  find(name: string): Profile | undefined {
    return this.byName.get(name);
  }

  describe(name: string): WireProfile | undefined {
    const profile = this.find(name);
    return (
      profile && {
        name,
        constants: profile.constants.map(({ name: constant, value, description }) => ({
          name: constant,
          value,
          description,
        })),
        licenses: [],
      }
    );
  }

  /** What the owner of a task of this profile should know about how it is run. */
  notesFor(name: string): readonly string[] {
    return this.find(name)?.usesImage === true && !this.config.hasContainerEngine ? [hostFilesystemNote(name)] : [];
  }
}
