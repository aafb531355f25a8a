#!/usr/bin/env node
// Watches memory and descriptors of every process for an hour of no-op tasks: `npm run test:soak`. See tests/load/src/soak.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureReady } from './bootstrap.mjs';

const node = await ensureReady();
const child = spawn(node, ['tests/load/dist/soak/soak.js', ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  stdio: ['ignore', 'inherit', 'inherit'],
});
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => child.kill(name));
child.once('exit', (code) => process.exit(code ?? 1));
