export { NodeRegistryModule } from './node-registry.module.js';
