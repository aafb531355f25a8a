export { NOTIFY_MIGRATIONS } from './migrations/notify-migrations.js';
export { NotifyModule } from './notify.module.js';
