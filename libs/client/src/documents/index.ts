/** Documents of the platform that lie somewhere else than in its answers. Apart from the rest, since they bring their schemas along. */
export { SNAPSHOTS_AREA } from '@fornax/contracts';
export { readStatement, type ReadStatement } from './read-statement.js';
export { parseManifest } from './result-manifest.js';
