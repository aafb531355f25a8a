export { NotifyModule } from './notify.module.js';
