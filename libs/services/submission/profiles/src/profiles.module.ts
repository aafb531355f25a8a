import { Module } from '@nestjs/common';
import { ENV } from '@fornax/service-kit';
import { ProfileCatalogue } from './profile-catalogue.js';
import { loadProfilesConfig, PROFILES_CONFIG } from './profiles-config.js';

/** Says what a task can run here. */
@Module({
  providers: [{ provide: PROFILES_CONFIG, inject: [ENV], useFactory: loadProfilesConfig }, ProfileCatalogue],
  exports: [ProfileCatalogue],
})
export class ProfilesModule {}
