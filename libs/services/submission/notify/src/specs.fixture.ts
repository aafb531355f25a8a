// For the specs of the whole service alone: nothing of it is built.
export { startReceiver, type Received, type Receiver } from './webhooks/receiver.fixture.js';
export { NOTIFY_DATABASE } from './config/database.js';
