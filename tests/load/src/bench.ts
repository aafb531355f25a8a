import { readFile, mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectNats } from '@fornax/event-store';
import { startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing/platform';
import { publishFloor, spawnFloor } from './floors.js';
import { controlPlane, endToEnd, idleLatency, rebuild } from './measures.js';
import { readOne, readPages } from './reads.js';
import { type Figure, renderTable } from './report.js';
import { servicesCredentials } from './credentials.js';
import { bulkSubmissions, submissions } from './submissions.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    out: { type: 'string', default: join(workspaceRoot, '.fornax', 'bench') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run bench [-- --quick] [-- --out FOLDER]
Starts a platform of its own on free ports, measures it beside the floors of the same run, prints a table and writes JSON.
--quick  a tenth of the load: to see that it works, not to quote`);
  process.exit(0);
}
const scale = values.quick ? 0.1 : 1;
const say = (text: string): void => console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);

const withPlatform = async <T>(
  env: Readonly<Record<string, string>>,
  work: (platform: RunningPlatform) => Promise<T>,
): Promise<T> => {
  const platform = await startPlatform({ env: { FORNAX_LOG_LEVEL: 'warn', ...env } });
  try {
    return await work(platform);
  } finally {
    await platform.stop();
  }
};

const figures: Figure[] = [];

say('floors: durable publishes, spawn');
const spawns = await spawnFloor();
const { floor, control } = await withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
  const nc = await connectNats({ ...(await servicesCredentials(platform)), name: 'bench' });
  const publish = await publishFloor(nc);
  await nc.close();
  say('single submissions over HTTP, 32 clients');
  const submitted = await submissions(platform, 32, Math.round(6_000 * scale));
  say('control plane with simulated agents: single-instance tasks, then one wide task');
  const { tasksPerSecond, instancesPerSecond } = await controlPlane(platform, {
    waitingTasks: Math.round(6_000 * scale),
    instances: Math.round(20_000 * scale),
  });
  say('projection rebuild');
  const rebuilt = await rebuild(platform, 'status');
  return { floor: publish, control: { submitted, tasksPerSecond, instancesPerSecond, rebuilt } };
});
figures.push(
  { name: 'raw durable publish, 1 in flight', value: floor.single, unit: '/s' },
  { name: 'raw durable publish, 256 in flight', value: floor.pipelined, unit: '/s' },
  { name: 'raw spawn of /bin/true, 2 at once', value: spawns, unit: '/s' },
  {
    name: 'single submissions over HTTP, 32 clients',
    value: control.submitted,
    unit: '/s',
    floor: floor.pipelined,
    floorName: 'publishes',
  },
  {
    name: 'control plane, single-instance tasks',
    value: control.tasksPerSecond,
    unit: 'tasks/s',
    floor: floor.pipelined / 4,
    floorName: 'publishes / 4 commits',
  },
  {
    name: 'control plane, one wide task',
    value: control.instancesPerSecond,
    unit: 'instances/s',
    floor: floor.pipelined,
    floorName: 'publishes',
  },
  {
    name: 'status projection rebuild',
    value: control.rebuilt,
    unit: 'events/s',
    floor: floor.pipelined,
    floorName: 'publishes',
  },
);

await withPlatform({ FORNAX_NODES: '1' }, async (platform) => {
  say('submit to start on an idle platform');
  const latency = await idleLatency(platform, Math.round(200 * scale));
  figures.push(
    { name: 'idle submit to start, p50', value: latency.p50, unit: 'ms' },
    { name: 'idle submit to start, p95', value: latency.p95, unit: 'ms' },
    { name: 'idle submit to start, p99', value: latency.p99, unit: 'ms' },
  );
  say('no-op instances with the real agent');
  const instances = await endToEnd(platform, Math.round(600 * scale));
  figures.push({
    name: 'no-op instances end to end, real agent',
    value: instances,
    unit: '/s',
    floor: spawns,
    floorName: 'spawns',
  });
});

const folder = values.out;
await mkdir(folder, { recursive: true });
const last = await readFile(join(folder, 'last.json'), 'utf8')
  .then((text) => (JSON.parse(text) as { readonly figures: readonly Figure[] }).figures)
  .catch(() => []);
const record = {
  at: new Date().toISOString(),
  quick: values.quick,
  machine: {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  figures,
};
const text = `${JSON.stringify(record, null, 2)}\n`;
await writeFile(join(folder, `${record.at.replaceAll(':', '-')}.json`), text);
await writeFile(join(folder, 'last.json'), text);
console.log(renderTable(figures, last));
console.log(
  `\n${record.machine.cores} x ${record.machine.cpu}, ${record.machine.memoryGB} GB, Node ${process.version}, ${record.at}${values.quick ? ', quick run: not to be quoted' : ''}`,
);
console.log(`JSON: ${join(folder, 'last.json')}`);
