import { Module } from '@nestjs/common';
import { ENV, provideProjection, provideReadBarrier } from '@fornax/service-kit';
import { ProfileRoom } from './commands/profile-room.js';
import { PublishProfile } from './commands/publish-profile.handler.js';
import { PublishedProfilesController } from './http/published-profiles.controller.js';
import { Audiences } from './model/audiences.js';
import { DATABASE } from './model/database.js';
import { Owners } from './model/owners.js';
import { ProfileBarrier, PROFILES, ProfilesProjection } from './model/profiles.projection.js';
import { ProfileCatalogue } from './profile-catalogue.js';
import { ProfileNeedsController } from './profile-needs.controller.js';
import { loadProfilesConfig, PROFILES_CONFIG } from './config/profiles-config.js';
import { loadWaysConfig, WAYS_CONFIG } from './config/ways-config.js';
import { ProfileReader } from './queries/profile-reader.js';
import { ShownProfiles } from './queries/shown-profiles.js';

/** Says what a task can run here, and keeps the profiles that people publish. */
@Module({
  controllers: [PublishedProfilesController, ProfileNeedsController],
  providers: [
    { provide: PROFILES_CONFIG, inject: [ENV], useFactory: loadProfilesConfig },
    { provide: WAYS_CONFIG, inject: [ENV], useFactory: loadWaysConfig },
    ...provideProjection(DATABASE, ProfilesProjection),
    provideReadBarrier(ProfileBarrier, PROFILES),
    ProfileReader,
    Owners,
    Audiences,
    ProfileRoom,
    PublishProfile,
    ShownProfiles,
    ProfileCatalogue,
  ],
  exports: [ProfileCatalogue, WAYS_CONFIG],
})
export class ProfilesModule {}
