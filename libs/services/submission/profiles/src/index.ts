export { Profiles1790001700000 } from './migrations/1790001700000-profiles.migration.js';
export { ProfileCatalogue, type ProfileAnswer, type ProfileAsking } from './profile-catalogue.js';
export { ProfilesModule } from './profiles.module.js';
export { WAYS_CONFIG, type WaysConfig } from './config/ways-config.js';
