/** The storage service. */
export { StorageModule } from './storage.module.js';
export { FrontDoorHost } from './door/front-door.host.js';
export { loadStorageConfig, type ObjectsConfig, type StorageConfig } from './config/storage.config.js';
