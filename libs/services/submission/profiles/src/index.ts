export { ProfileCatalogue, type ProfileAnswer } from './profile-catalogue.js';
export { ProfilesModule } from './profiles.module.js';
