/** The storage service. */
export { StorageModule } from './storage.module.js';
export { FrontDoorHost } from './front-door.host.js';
export { loadStorageConfig, type ObjectsConfig, type StorageConfig } from './storage.config.js';
