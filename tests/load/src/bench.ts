import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { workspaceRoot } from '@fornax/testing/platform';
import { type Figure, renderTable } from './report.js';
import { SECTIONS } from './sections.js';

const names = SECTIONS.map(({ name }) => name).join(', ');
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    slurm: { type: 'boolean', default: false },
    only: { type: 'string' },
    'snapshot-mib': { type: 'string', default: '600' },
    'retained-tasks': { type: 'string', default: '20000' },
    out: { type: 'string', default: join(workspaceRoot, '.fornax', 'bench') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run bench [-- --quick] [-- --full] [-- --slurm] [-- --only NAMES] [-- --snapshot-mib COUNT] [-- --retained-tasks COUNT] [-- --out FOLDER]
Starts platforms of its own on free ports, measures each path beside the floor of the same run, prints a table and writes JSON.
--quick  a tenth of the load: to see that it works, not to quote
--full   also pages among 1,000,000 tasks, the dashboard in Chromium with as many and with 1,000,000 lines of output, metrics with 100,000 that wait, and objects through S3 beside versitygw (built through Go): some minutes and 5 GB of disk
--slurm  a Slurm beside the node, in the same run: as root, where Debian's packages are installed (node tests/load/slurm.mjs --help)
--snapshot-mib  size of the folder that snapshots are taken of (600)
--retained-tasks  finished tasks that the log is measured after (20000)
--only   some parts, separated by commas: ${names}`);
  process.exit(0);
}
const snapshotMiB = Number(values['snapshot-mib']);
if (!Number.isInteger(snapshotMiB) || snapshotMiB < 1) {
  console.error('--snapshot-mib is a whole number of at least 1.');
  process.exit(2);
}
const retainedTasks = Number(values['retained-tasks']);
if (!Number.isInteger(retainedTasks) || retainedTasks < 10) {
  console.error('--retained-tasks is a whole number of at least 10.');
  process.exit(2);
}
const only = values.only?.split(',');
const unknown = only?.find((wanted) => SECTIONS.every(({ name }) => name !== wanted));
if (unknown !== undefined) {
  console.error(`There is no part ${unknown}; there are ${names}.`);
  process.exit(2);
}
const chosen = SECTIONS.filter(({ name, isLarge }) => (only ? only.includes(name) : values.full || !isLarge));
const say = (text: string): void => console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);

const figures: Figure[] = [];
const run = { scale: values.quick ? 0.1 : 1, isBesideSlurm: values.slurm, snapshotMiB, retainedTasks, say };
for (const section of chosen) figures.push(...(await section.measure(run)));

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
await writeFile(join(folder, `${record.at.replaceAll(':', '-')}.json`), `${JSON.stringify(record, null, 2)}\n`);
if (!values.quick) {
  // Parts that were left out keep what they were last.
  const kept = last.filter(({ name }) => figures.every((figure) => figure.name !== name));
  const all = { ...record, figures: [...kept, ...figures] };
  await writeFile(join(folder, 'last.json'), `${JSON.stringify(all, null, 2)}\n`);
}
console.log(renderTable(figures, last));
console.log(
  `\n${record.machine.cores} x ${record.machine.cpu}, ${record.machine.memoryGB} GB, Node ${process.version}, ${record.at}${values.quick ? ', quick run: not to be quoted' : ''}`,
);
console.log(`JSON: ${folder}`);
