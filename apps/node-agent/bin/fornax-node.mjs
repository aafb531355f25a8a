#!/usr/bin/env node
/** Runs a node of a Fornax platform on Node 24, whatever `node` is on PATH, and is a transparent wrapper around it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/fornax-node.js', import.meta.url));

const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

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

const isRecent = Number(process.versions.node.split('.')[0]) >= 24;
const node = isRecent ? process.execPath : pinnedNode();

if (!existsSync(program)) fail('fornax-node is not built yet: run `npm start` or `npm run build` in its folder first');
if (node === undefined) fail('fornax-node needs Node 24: run `npm install` in its folder first');

if (isRecent) {
  await import(program);
} else {
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`Cannot start fornax-node: ${error.message}`));
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
