import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

/** The pinned Node of the workspace, a dependency like any other. */
const pinnedNode = () => {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const found = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(found) ? found : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Runs a built program with this command line on Node 24, whatever `node` is on PATH, and is a transparent wrapper around it.
 * @param {string} name what the person typed, for messages
 * @param {string} program its path
 */
export const runOnNode24 = async (name, program) => {
  const fail = (message) => {
    process.stderr.write(`${message}\n`);
    process.exit(1);
  };
  const isRecent = Number(process.versions.node.split('.')[0]) >= 24;
  const node = isRecent ? process.execPath : pinnedNode();
  if (!existsSync(program))
    fail(`${name} is not built yet: run \`npm start\` or \`npm run build\` in its folder first`);
  if (node === undefined) fail(`${name} needs Node 24: run \`npm install\` in its folder first`);
  if (isRecent) {
    await import(program);
    return;
  }
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`Cannot start ${name}: ${error.message}`));
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};
