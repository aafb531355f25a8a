import { fileURLToPath } from 'node:url';
import { runLauncher } from './run-launcher.js';

const apps = new URL('../../', import.meta.url);
const programOf = (app: string): string =>
  fileURLToPath(new URL(app === 'cli' ? 'cli/dist/bundled/main.js' : `${app}/dist/main.js`, apps));

process.exit(await runLauncher(process.env, programOf));
