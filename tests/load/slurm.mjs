#!/usr/bin/env node
// Measures Slurm beside us: array jobs of /bin/true a second, and submit to start when idle. `node tests/load/slurm.mjs --help`
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';

const run = promisify(execFile);
const PACKAGES = ['slurmctld', 'slurmd', 'slurm-client', 'munge'];
const { values } = parseArgs({
  options: {
    install: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '300' },
    idle: { type: 'string', default: '20' },
    cpus: { type: 'string', default: '256' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: node tests/load/slurm.mjs [--install] [--jobs N] [--idle N] [--cpus N] [--json]
Runs a Slurm of its own as root, on loopback and free ports, in a folder that is removed afterwards; prints no-ops a second and submit to start.
--install  installs Debian's packages first: ${PACKAGES.join(', ')}
--jobs     jobs of the array (300)
--idle     jobs one after the other, for submit to start (20)
--cpus     processors that the node pretends to have (256: with as many as there are Slurm is much slower)
--json     prints the figures as one line of JSON: version, noopsPerSecond, idleMs (p50, p95, p99)`);
  process.exit(0);
}
const say = (text) => console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);
const stop = (text) => {
  console.error(text);
  process.exit(1);
};
if (process.getuid?.() !== 0) stop('Slurm and munge are started as root here: run this as root.');
if (values.install) {
  say(`installing ${PACKAGES.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], { env, maxBuffer: 1 << 26 });
}
for (const program of ['slurmctld', 'slurmd', 'sbatch', 'munged'])
  await run('which', [program]).catch(() =>
    stop(`There is no ${program}: run this with --install, where Debian's packages can be had.`),
  );

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
const percentile = (samples, share) =>
  samples.toSorted((a, b) => a - b)[Math.min(samples.length - 1, Math.floor(samples.length * share))];
const until = async (what, holds, forMs = 120_000) => {
  for (const deadline = performance.now() + forMs; !(await holds()); await delay(20))
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${forMs / 1000} s`);
};

const folder = await mkdtemp(join(tmpdir(), 'fornax-slurm-'));
const children = [];
const start = (program, args) => {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SLURM_CONF: conf },
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-2_000)));
  child.once(
    'exit',
    (code) => code && children.includes(child) && console.error(`${program} ended with ${code}: ${said}`),
  );
  children.push(child);
};
const conf = join(folder, 'slurm.conf');
const socket = join(folder, 'munge.socket');
const slurm = async (program, ...args) =>
  (await run(program, args, { env: { ...process.env, SLURM_CONF: conf }, cwd: folder })).stdout;
const isDone = async () => (await slurm('squeue', '--noheader')).trim() === '';

try {
  const [control, node] = [await freePort(), await freePort()];
  const key = join(folder, 'munge.key');
  await writeFile(key, randomBytes(128), { mode: 0o400 });
  await writeFile(
    conf,
    [
      'ClusterName=bench',
      `SlurmctldHost=${hostname()}(127.0.0.1)`,
      `SlurmctldPort=${control}`,
      `SlurmdPort=${node}`,
      // On 127.0.0.1, and on no other address of this machine.
      'CommunicationParameters=NoInAddrAny,NoCtldInAddrAny',
      `AuthType=auth/munge`,
      `AuthInfo=socket=${socket}`,
      'SlurmUser=root',
      `StateSaveLocation=${join(folder, 'state')}`,
      `SlurmdSpoolDir=${join(folder, 'spool')}`,
      `SlurmctldPidFile=${join(folder, 'slurmctld.pid')}`,
      `SlurmdPidFile=${join(folder, 'slurmd.pid')}`,
      `SlurmctldLogFile=${join(folder, 'slurmctld.log')}`,
      `SlurmdLogFile=${join(folder, 'slurmd.log')}`,
      'ProctrackType=proctrack/linuxproc',
      'TaskPlugin=task/none',
      'MpiDefault=none',
      'ReturnToService=2',
      'SlurmdParameters=config_overrides',
      'SelectType=select/cons_tres',
      'SelectTypeParameters=CR_CPU',
      'AccountingStorageType=accounting_storage/none',
      'JobAcctGatherType=jobacct_gather/none',
      'JobCompType=jobcomp/none',
      'MaxJobCount=50000',
      'MinJobAge=2',
      'SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,default_queue_depth=1000',
      `NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=${values.cpus} State=UNKNOWN`,
      `PartitionName=all Nodes=${hostname()} Default=YES MaxTime=INFINITE State=UP`,
      '',
    ].join('\n'),
  );
  await run('mkdir', ['-p', join(folder, 'state'), join(folder, 'spool')]);
  say('starting munged, slurmctld and slurmd on loopback');
  const names = ['pid', 'log', 'seed'].flatMap((name) => [`--${name}-file`, join(folder, `munge.${name}`)]);
  start('munged', ['--foreground', '--force', '--key-file', key, '--socket', socket, ...names]);
  await until('munge answers', () =>
    run('munge', ['--socket', socket, '--no-input']).then(
      () => true,
      () => false,
    ),
  );
  start('slurmctld', ['-D', '-i', '-f', conf]);
  start('slurmd', ['-D', '-f', conf]);
  await until('the node is idle', () =>
    slurm('sinfo', '--noheader', '-o', '%t').then(
      (text) => text.trim() === 'idle',
      () => false,
    ),
  );
  const quiet = ['--output', '/dev/null', '--error', '/dev/null'];
  await slurm('sbatch', ...quiet, '--wait', '--wrap', '/bin/true');

  const jobs = Number(values.jobs);
  say(`array of ${jobs} no-ops`);
  const begun = performance.now();
  await slurm('sbatch', ...quiet, `--array=0-${jobs - 1}`, '--wrap', '/bin/true');
  await until('the array ends', isDone, 600_000);
  const perSecond = jobs / ((performance.now() - begun) / 1000);

  say(`${values.idle} jobs, one after the other`);
  const waits = [];
  for (let index = 0; index < Number(values.idle); index += 1) {
    const file = join(folder, `started-${index}`);
    const submittedAt = Date.now();
    await slurm('sbatch', ...quiet, '--wrap', `date +%s%3N > ${file}`);
    await until('the job starts', async () => (await readFile(file, 'utf8').catch(() => '')).trim() !== '');
    waits.push(Number(await readFile(file, 'utf8')) - submittedAt);
    await until('the job ends', isDone);
  }
  const version = (await slurm('sinfo', '--version')).trim();
  const idleMs = { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95), p99: percentile(waits, 0.99) };
  if (values.json) console.log(JSON.stringify({ version, noopsPerSecond: perSecond, idleMs }));
  else
    console.log(`${version}, ${values.cpus} pretended processors, no sandbox
no-op array jobs: ${perSecond.toFixed(1)} per s
idle submit to start, p50 / p95 / p99: ${Object.values(idleMs).join(' / ')} ms`);
} catch (error) {
  for (const name of ['slurmctld.log', 'slurmd.log'])
    console.error(name, (await readFile(join(folder, name), 'utf8').catch(() => 'is not there')).slice(-1_500));
  console.error(error);
  process.exitCode = 1;
} finally {
  const running = children.splice(0);
  for (const child of running.toReversed()) {
    if (child.exitCode !== null) continue;
    const over = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await Promise.race([over, delay(5_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
  }
  await rm(folder, { recursive: true, force: true });
}
