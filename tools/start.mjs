/**
 * `npm start`: makes the checkout ready, then runs the launcher on Node 24 and is a transparent wrapper around it: signals go
 * in, its exit code comes out, and neither outlives the other.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { BootstrapError, ensureReady, root } from './bootstrap.mjs';
import { parseCommandLine, readSettings, renderHelp, renderTable } from './bootstrap-settings.mjs';

const PARENT_CHECK_MS = 500;

const fail = (message, code = 1) => {
  process.stderr.write(`${message}\n`);
  process.exit(code);
};

/** Command name and parent of a process, from /proc. */
const processInfo = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(')');
    return { name: stat.slice(stat.indexOf('(') + 1, end), parent: Number(stat.slice(end + 2).split(' ')[1]) };
  } catch {
    return undefined;
  }
};

/**
 * The chain of parents up to npm, as long as it is only a shell that npm started for us. When one of them disappears npm was
 * killed, and nobody will ever send us a signal.
 */
const parentChain = () => {
  const chain = [process.ppid];
  const shell = processInfo(process.ppid);
  if (shell !== undefined && /^(ba|da|z|k|a)?sh$/.test(shell.name)) chain.push(shell.parent);
  return chain;
};

const whenParentsDie = (then) => {
  if (process.env.npm_lifecycle_event === undefined) return;
  const before = parentChain();
  const timer = setInterval(() => {
    const now = parentChain();
    if (before.every((pid, index) => now[index] === pid)) return;
    clearInterval(timer);
    then();
  }, PARENT_CHECK_MS);
  timer.unref();
};

const launch = (node24, env) => {
  const child = spawn(node24, ['--enable-source-maps', join(root, 'apps', 'launcher', 'dist', 'main.js')], {
    cwd: root,
    env: { ...process.env, ...env, FORNAX_PARENT_PIPE: '3' },
    // The launcher reads the end of pipe 3 as "my parent is gone", which also a kill -9 of this process causes.
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    // In a session of its own a Ctrl-C of the terminal reaches it once, through us, not twice.
    detached: true,
  });
  child.stdio[3].on('error', () => undefined);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(name, () => child.kill(name === 'SIGHUP' ? 'SIGTERM' : name));
  whenParentsDie(() => child.kill('SIGTERM'));
  child.once('error', (error) => fail(`Cannot start the launcher: ${error.message}`));
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

/**
 * Builds the documentation that the platform serves at /docs, if its pages have changed. Nothing waits for it, so it yields the processor to all
 * others, and it ends with this process.
 */
const buildDocumentation = (node24) => {
  const child = spawn(node24, [join(root, 'docs', 'build.mjs')], { cwd: root, stdio: 'ignore' });
  child.once('spawn', () => setPriority(child.pid, constants.priority.PRIORITY_LOW));
  child.once('error', () => undefined);
  child.once('exit', (code) => {
    if (code) process.stderr.write('warning: the documentation at /docs was not built; `npm run build` shows why\n');
  });
  process.once('exit', () => child.kill('SIGKILL'));
};

/** A relative data folder means what the person typed, where npm was called; the default one is that of the checkout. */
const dataFolder = (env) => {
  const typed = env.FORNAX_DATA_DIR ?? process.env.FORNAX_DATA_DIR;
  return typed ? resolve(process.env.INIT_CWD ?? process.cwd(), typed) : join(root, '.fornax');
};

const settings = readSettings();
const command = parseCommandLine(process.argv.slice(2), settings);
if ('error' in command) fail(`${command.error}; npm start -- --help lists all options.`, 2);
else if (command.mode === 'help') process.stdout.write(renderHelp(settings));
else if (command.mode === 'table') process.stdout.write(renderTable(settings));
else {
  try {
    const node24 = await ensureReady();
    launch(node24, { ...command.env, FORNAX_DATA_DIR: dataFolder(command.env) });
    buildDocumentation(node24);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    fail(error.message);
  }
}
