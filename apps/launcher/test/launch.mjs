// The launcher as it is built, with stand-ins for the programs that it starts.
import { fileURLToPath } from 'node:url';
import { runLauncher } from '../dist/run-launcher.js';

process.exit(await runLauncher(process.env, () => fileURLToPath(new URL('./stand-in.mjs', import.meta.url))));
