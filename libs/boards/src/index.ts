export { expressionsOf, type Board } from './board.js';
export { boards } from './boards.js';
export { labelsOf } from './names.js';
