// For the specs of the whole service alone: nothing of it is built.
export { type TailPiece } from './model/tail-events.js';
export { OUTPUT_DATABASE } from './config/database.js';
