/**
 * Makes a checkout ready to run: locked dependencies installed, projects built. Plain JavaScript without dependencies for
 * Node 20 and later, because it runs before anything is installed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modules = join(root, 'node_modules');
const node24 = join(modules, 'node', 'bin', 'node');
const lockStamp = join(modules, '.fornax-lock');
const buildStamp = join(modules, '.fornax-build');

const QUIET_MS = 2_000;
const REPEAT_MS = 5_000;

const say = (line) => process.stderr.write(`${line}\n`);

/** A failure whose message is all that a person needs: no stack is shown for it. */
export class BootstrapError extends Error {}

/** Runs a step and, once it takes longer than two seconds, tells every five seconds how long it has been running. */
const withProgress = async (label, step, log) => {
  const startedAt = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  let repeat;
  const first = setTimeout(() => {
    log(`${label} ...`);
    repeat = setInterval(() => log(`${label} ... ${seconds()}`), REPEAT_MS);
  }, QUIET_MS);
  try {
    return await step();
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
    if (repeat !== undefined) log(`${label}: done in ${seconds()}`);
  }
};

/** The cause of a failure stands at the beginning of what npm prints and at the end of what a build prints. */
const excerpt = (lines) =>
  (lines.length <= 160 ? lines : [...lines.slice(0, 80), '...', ...lines.slice(-80)]).join('\n');

/** Runs a program and keeps its output for the case that it fails. */
const run = (program, args, { env = {}, what }) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    const endChild = () => child.kill('SIGTERM');
    process.once('exit', endChild);
    child.once('error', (error) =>
      reject(new BootstrapError(`${what} failed: cannot run ${program}: ${error.message}`)),
    );
    child.once('close', (code, signal) => {
      process.removeListener('exit', endChild);
      if (code === 0) return resolve();
      const text = excerpt(Buffer.concat(output).toString('utf8').trim().split('\n'));
      reject(new BootstrapError(`${text}\n\n${what} failed (${signal ?? `code ${code}`}).`));
    });
  });

const digest = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
};

const readOr = (path, fallback) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
};

const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
};

const lockDigest = () => digest(readFileSync(join(root, 'package-lock.json')), process.platform, process.arch);

/**
 * Whether what is installed is what the lock file says, by npm's own record of the installation: a developer's `npm install`
 * needs no second one. Links to our own projects, and the commands that they offer, are looked for themselves: without one, npx would
 * ask the public registry for a package of that name.
 */
const isInstalledAsLocked = () => {
  const locked = readJson(join(root, 'package-lock.json'))?.packages;
  const installed = readJson(join(modules, '.package-lock.json'))?.packages;
  if (locked === undefined || installed === undefined || !existsSync(node24)) return false;
  return Object.entries(locked).every(([path, wanted]) => {
    if (wanted.link) return existsSync(join(root, path));
    if (!path.includes('node_modules/'))
      return Object.keys(wanted.bin ?? {}).every((name) => existsSync(join(modules, '.bin', name)));
    const found = installed[path];
    return found === undefined ? wanted.optional === true || wanted.peer === true : found.version === wanted.version;
  });
};

const npmCommand = () => {
  const npm = process.env.npm_execpath;
  return npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
};

/**
 * A registry mirror may not carry the builds of an optional package for other platforms. A lock file made with it leaves them out,
 * `npm ci` refuses it for that, and says so in this form, without a version.
 */
const LEFT_OUT = /^npm error Missing: \S+@ from lock file$/;
const isOnlyLeftOut = (message) => {
  const complaints = message.split('\n').filter((line) => /^npm error (Missing|Invalid):/.test(line));
  return complaints.length > 0 && complaints.every((line) => LEFT_OUT.test(line));
};

const installAsLocked = async () => {
  const [program, ...args] = npmCommand();
  const npm = (...command) =>
    run(program, [...args, ...command, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
      what: 'Installing the locked dependencies',
    });
  try {
    await npm('ci');
  } catch (error) {
    if (!isOnlyLeftOut(error.message)) throw error;
    // The same versions from the same lock file, which stays as it is.
    await npm('install', '--no-save');
  }
};

const install = async (log) => {
  const wanted = lockDigest();
  if (readOr(lockStamp, '') === wanted && existsSync(node24)) return;
  if (!isInstalledAsLocked()) {
    await withProgress('installing the locked dependencies (a minute or two, once)', installAsLocked, log);
    if (!existsSync(node24)) {
      throw new BootstrapError(
        `npm ci did not install Node 24 at ${node24}: allow the install script of the package "node" and run npm ci again.`,
      );
    }
  }
  writeFileSync(lockStamp, wanted);
};

/** Folders that hold one project each: the workspaces of the root package, but for the documentation, which is one itself. */
const projects = () =>
  readJson(join(root, 'package.json'))
    .workspaces.filter((pattern) => pattern.endsWith('/*'))
    .map((pattern) => pattern.replace(/\/\*$/, ''))
    .flatMap((group) =>
      readdirSync(join(root, group), { withFileTypes: true }).map((entry) => join(root, group, entry.name)),
    )
    .filter((folder) => existsSync(join(folder, 'package.json')));

/** Path, size and change time of every source file: cheap, and different after any edit or checkout. */
const sourceDigest = (folders) => {
  const marks = [];
  const visit = (path) => {
    const { mtimeMs, size } = statSync(path);
    marks.push(`${path} ${mtimeMs} ${size}`);
  };
  for (const file of ['package.json', 'package-lock.json', 'nx.json', '.swcrc', 'tsconfig.base.json'])
    visit(join(root, file));
  for (const folder of folders) {
    visit(join(folder, 'package.json'));
    for (const script of ['build.mjs', 'bundle.mjs']) if (existsSync(join(folder, script))) visit(join(folder, script));
    if (!existsSync(join(folder, 'src'))) continue;
    for (const entry of readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) visit(join(entry.parentPath ?? entry.path, entry.name));
    }
  }
  return digest(...marks.sort());
};

/** What a build leaves out. */
const NOT_BUILT = /(?:spec|\.fixture|\.contract|\.d)\.ts$/;

/** Whether each source of a project has been built. Its entry alone says little: a restored cache can be incomplete. */
export const isBuilt = (folder) => {
  // A site is swapped in whole, its list of files with it.
  if (existsSync(join(folder, 'build.mjs'))) return existsSync(join(folder, 'dist', 'site.json'));
  if (!['index', 'main'].some((name) => existsSync(join(folder, 'src', `${name}.ts`)))) return true;
  if (existsSync(join(folder, 'bundle.mjs')) && !existsSync(join(folder, 'dist', 'bundled', 'main.js'))) return false;
  return readdirSync(join(folder, 'src'), { recursive: true })
    .filter((path) => path.endsWith('.ts') && !NOT_BUILT.test(path))
    .every((path) => existsSync(join(folder, 'dist', path.replace(/\.ts$/, '.js'))));
};

/** The documentation is not needed to run: `docs/build.mjs` builds it, in the background at `npm start`. */
const BUILD = ['run-many', '-t', 'build', '--exclude=@fornax/docs', '--outputStyle=static'];

const build = async (log) => {
  const folders = projects();
  const wanted = sourceDigest(folders);
  if (readOr(buildStamp, '') === wanted && folders.every(isBuilt)) return;
  const nx = join(modules, 'nx', readJson(join(modules, 'nx', 'package.json'))?.bin?.nx ?? 'bin/nx.js');
  const env = {
    PATH: `${join(modules, '.bin')}:${process.env.PATH ?? ''}`,
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
    FORCE_COLOR: '0',
  };
  const options = { env, what: 'The build' };
  await withProgress(
    'building',
    async () => {
      const runMany = () => run(node24, [nx, ...BUILD], options);
      // A build that was killed can leave Nx's own cache unreadable: once more from scratch, and what fails then is a real failure.
      await runMany().catch(async () => {
        await run(node24, [nx, 'reset'], { ...options, what: 'Resetting the build cache' });
        await runMany();
      });
      // Nx may believe in outputs that somebody removed by hand.
      if (!folders.every(isBuilt)) await run(node24, [nx, ...BUILD, '--skipNxCache'], options);
    },
    log,
  );
  writeFileSync(buildStamp, wanted);
};

/** A process and when it started (clock ticks since boot, proc(5)): a later process with its number is another one. */
const identityOf = (pid) => {
  const stat = readOr(`/proc/${pid}/stat`, '');
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
};

/** A lock without a holder: its process is gone, or was killed before it wrote its name. */
const isAbandoned = (lock) => {
  const holder = readOr(lock, '');
  if (holder !== '') return identityOf(Number.parseInt(holder, 10)) !== holder;
  try {
    return Date.now() - statSync(lock).mtimeMs > 2_000;
  } catch {
    return false; // released just now
  }
};

/**
 * Runs a step while no other command in this checkout runs one of the same name.
 * @param {() => Promise<T>} step
 * @param {(line: string) => void} log is told when the step has to wait
 * @param {{ name?: string, what?: string }} [options] `name` of the lock; `what` the other command does, for people
 * @template T
 * @returns {Promise<T>} what the step returns
 */
export const oneAtATime = async (
  step,
  log,
  // An `npm ci` under another's feet would break both.
  { name = 'bootstrap', what = 'installs or builds in this folder' } = {},
) => {
  mkdirSync(join(root, '.nx'), { recursive: true });
  const lock = join(root, '.nx', `fornax-${name}.lock`);
  for (let isWaiting = false; ;) {
    try {
      writeFileSync(lock, identityOf(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new BootstrapError(`Cannot write to ${root}: ${error.message}`);
      if (isAbandoned(lock)) {
        rmSync(lock, { force: true });
        continue;
      }
      if (!isWaiting) log(`waiting for another command that ${what}`);
      isWaiting = true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await step();
  } finally {
    process.removeListener('exit', release);
    release();
  }
};

const isCurrent = () => {
  if (!existsSync(node24) || readOr(lockStamp, '') !== lockDigest()) return false;
  const folders = projects();
  return readOr(buildStamp, '') === sourceDigest(folders) && folders.every(isBuilt);
};

/**
 * Installs the locked dependencies and builds all projects, each only if something changed since it was last done.
 * @param {{ log?: (line: string) => void }} [options] where progress goes; standard error unless told
 * @returns {Promise<string>} path of the Node 24 program that everything runs on
 * @throws {BootstrapError} with the output of what failed
 */
export const ensureReady = async ({ log = say } = {}) => {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) throw new BootstrapError(`Fornax needs Node 20 or later to start; this is ${process.version}.`);
  if (isCurrent()) return node24;
  return oneAtATime(async () => {
    await install(log);
    await build(log);
    return node24;
  }, log);
};

// `node tools/bootstrap.mjs` prepares a checkout and ends: what an image needs at build time.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const node = await ensureReady();
    await run(node, [join(root, 'docs', 'build.mjs')], { what: 'Building the documentation' });
  } catch (error) {
    say(error instanceof BootstrapError ? error.message : (error.stack ?? String(error)));
    process.exitCode = 1;
  }
}
