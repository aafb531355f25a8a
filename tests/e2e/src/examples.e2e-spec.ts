import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FornaxClient, type NewTask } from '@fornax/client';
import { eventually, startPlatform, type RunningPlatform } from '@fornax/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { allExamples, type Example } from './examples.js';
import { typed } from './typed.js';

const SLOW_MS = 900_000;
/** What cannot be run here, and why: no more than a tenth of all. */
const NOT_RUN: Readonly<Record<string, string>> = {
  events: '--follow goes on until Ctrl-C',
  'log accept': 'the log would have to be another one: tests/faults',
  'log quarantine show': 'something would have to be put aside: quarantine.int-spec.ts',
  'log quarantine drop': 'as show',
  'log quarantine retry': 'as show',
  'log restore': 'the log would have to be lost: tests/faults',
  'node rotate': 'of a node that joined with a token: add-a-node.e2e-spec.ts',
  'node revoke': 'as rotate',
  'job resume': 'of a job that was terminated: jobs.int-spec.ts',
  'node retire': 'the one node that there is holds instances',
  'billing commit': 'of a rating that differs: spending.int-spec.ts',
  'webhook create': 'a name that is resolved, on a machine without a network: webhooks.int-spec.ts',
  'webhook test': 'as create',
  'webhook replay': 'as create',
  'webhook resume': 'as create',
  'task shell': 'needs a terminal: ways.e2e-spec.ts',
  'task forward': 'goes on until Ctrl-C: ways.e2e-spec.ts',
};
const MOST_NOT_RUN = 17;

let platform: RunningPlatform;
let client: FornaxClient;
let home: string;
beforeAll(async () => {
  platform = await startPlatform({
    env: {
      FORNAX_NODE_CORES: '32',
      FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
      // Users are linked to a provider that nobody signs in by here.
      FORNAX_OIDC_ISSUER: 'http://127.0.0.1:9',
      FORNAX_OIDC_CLIENT_ID: 'fornax',
    },
  });
  client = new FornaxClient({ url: platform.apiUrl, token: platform.token });
  home = await mkdtemp(join(tmpdir(), 'fornax-examples-'));
}, 300_000);
afterAll(async () => {
  await platform.stop();
  await rm(home, { recursive: true, force: true });
});

const ID = '0198a000-0000-7000-8000-0000000000cc';
const OTHER_ID = '0198a000-0000-7000-8000-0000000000dd';

const task = (shortname: string, script: string, over: Partial<NewTask> = {}): Promise<string> =>
  client.submitTask({
    name: shortname,
    shortname,
    profile: 'shell',
    instanceCount: 10,
    constants: [{ key: 'SHELL_SCRIPT', value: script }],
    ...over,
  });

/** Makes what examples name. @returns what stands for it in the lines, by command */
const world = async (): Promise<(example: Example) => string> => {
  const failed = await task('my-render', 'echo done > frame; echo drawn; exit $((INSTANCE_ID % 2))', {
    resultBucket: 'film',
  });
  const running = await task('running', 'echo state > state; sleep 3600', { instanceCount: 1, resultBucket: 'saved' });
  const good = await task('good', 'true', { instanceCount: 1 });
  const aborted = await task('aborted', 'sleep 3600', { instanceCount: 1 });
  await client.abortTask(aborted);
  await Promise.all([client.waitForTask(failed), client.waitForTask(good), client.waitForTask(aborted)]);
  await eventually(async () => (await client.getTask(running)).runningInstanceCount > 0);
  const snapshots = [await client.snapshotTask(running), await client.snapshotTask(running)];
  const { code, stderr } = await typed(
    platform,
    home,
    '.',
    `set -e
mkdir -p frames data && echo 1 > data/numbers && echo 1 > frames/frame-0001 && echo secret > key.txt && printf 'echo "$@" > frame\\n' > render.sh
cat > film.yaml <<'END'
name: film
shortname: film
tasks:
  - { name: shots, command: "false" }
  - { name: cut, command: "true", after: [shots] }
END
printf 'name: tool\\nimage: host\\ncommand: "true"\\n' > tool.yaml
fornax project create Film
fornax organization create Acme
fornax user create grace@example.org --organization Acme
fornax project create Turbine --organization Acme > turbine
fornax cp ./frames film/day-1
fornax billing prices show 1 > prices.json
fornax webhook create http://127.0.0.1:9/hook`,
  );
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return ({ command, line }) => {
    const render = STANDS_FOR_RENDER[command] ?? 'my-render';
    const id = command.startsWith('snapshot') ? snapshots[0] : IDS[command];
    return (
      line
        .replaceAll('my-render', render)
        // A slug is known to members, and the operator who runs this is none.
        .replaceAll('turbine', '$(cat turbine)')
        .replaceAll('gpu-a', command === 'node token' ? 'gpu-a' : 'node-1')
        .replaceAll(ID, id ?? ID)
        .replaceAll(OTHER_ID, snapshots[1] ?? '')
        .replaceAll(/prices show 3/g, 'prices show 1')
        .replaceAll(command === 'billing close' || command === 'invoice' ? '2027-01' : '\0', lastMonth())
    );
  };
};

/** Tasks that are in the state that a command is for. */
const STANDS_FOR_RENDER: Readonly<Record<string, string>> = {
  'task abort': 'running',
  'task refresh': 'running',
  'task exec': 'running',
  'task delete': 'running',
  'task watch': 'good',
  'snapshot list': 'running',
  'snapshot take': 'running',
  'task resume': 'aborted',
  'task wait': 'good',
};

/** Where the id of an example is to be had. */
const IDS: Readonly<Record<string, string>> = {
  'budget change': '$(fornax budget list film --columns budget --output csv | tail -1)',
  'budget archive': '$(fornax budget list film --columns budget --output csv | tail -1)',
  'token revoke': '$(fornax token list --columns name,id --output csv | grep laptop | cut -d , -f 2)',
  'node untoken': '$(fornax node tokens --columns id --output csv | tail -1)',
  'webhook get': '$(fornax webhook list --columns id --output csv | tail -1)',
  'webhook delete': '$(fornax webhook list --columns id --output csv | tail -1)',
};

/** The last month that is over, in UTC. */
const lastMonth = (): string => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
};

/** What makes something comes first; what takes it away last, and that with what it is in at the very end. */
const turnOf = ({ command }: Example): number => {
  if (/^(user|organization) create$/.test(command)) return -1;
  if (/(create|submit|publish|upload|grant|set|cp|node token|organization create)$/.test(command)) return 0;
  if (/^bucket delete$|^secret delete$|^job delete$|^pool delete$/.test(command)) return 3;
  return /delete|archive|revoke|untoken|disable|abort|terminate|close|rm$|remove|rotate|retire/.test(command) ? 2 : 1;
};

/** Examples that change something, or wait for something, and have nothing to say of it. */
const SILENT = [
  ...[
    'secret create',
    'secret update',
    'secret rollback',
    'secret delete',
    'task refresh',
    'task wait',
    'task abort',
    'task delete',
  ],
  ...[
    'job terminate',
    'job delete',
    'pool update',
    'pool scale',
    'pool refresh',
    'pool close',
    'pool delete',
    'pool logs warm --instance 0-1',
  ],
  ...[
    'token revoke',
    'project members remove',
    'webhook delete',
    'node untoken',
    'log quarantine list',
    'run --instances 4',
  ],
].map((words) => `fornax ${words} `);
const isSilent = (line: string): boolean =>
  / >>? \S+$/.test(line) || SILENT.some((words) => `${line} `.startsWith(words));

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What is odd about what an example has printed; undefined: nothing. */
const oddOf = ({ line }: Example, stdout: string): string | undefined => {
  if (isSilent(line)) return stdout === '' ? undefined : 'it says something by now';
  if (stdout.trim() === '') return 'it says nothing';
  if (/undefined|NaN|\[object Object\]/.test(stdout)) return 'it says what nobody understands';
  if (line.includes('--output json') && !isJson(stdout)) return 'it is no JSON';
  if (line.includes('--json') && !isJson(stdout) && !stdout.trim().split('\n').every(isJson)) return 'it is no JSON';
  const [heading = '', ...rows] = stdout.trimEnd().split('\n');
  const fields = (row: string): number => row.replaceAll(/"(?:[^"]|"")*"/g, '').split(',').length;
  if (
    line.includes('--output csv') &&
    (!/^[a-zA-Z,]+$/.test(heading) || rows.some((row) => fields(row) !== fields(heading)))
  )
    return 'it is no CSV';
  return undefined;
};

it(
  'every example of every help does what it says, on a platform that has what it names',
  async () => {
    const examples = await allExamples();
    const stand = await world();
    const run = examples.filter(({ command }) => !(command in NOT_RUN));
    const inOrder = [...run].sort((a, b) => turnOf(a) - turnOf(b));
    const wrong: string[] = [];
    for (const example of inOrder) {
      const line = stand(example);
      const { code, stderr, stdout } = await typed(platform, home, '.', line);
      if (code !== 0) wrong.push(`${line}: ${code}: ${stderr.slice(-300)}${stdout.slice(-100)}`);
      const odd = oddOf(example, stdout);
      if (code === 0 && odd !== undefined) wrong.push(`${line}: ${odd}: ${stdout.slice(0, 200)}`);
    }
    expect(wrong).toEqual([]);
    // An example that is gone, or that can be run by now, leaves the list.
    const names = new Set(examples.map(({ command }) => command));
    expect(Object.keys(NOT_RUN).filter((command) => !names.has(command))).toEqual([]);
    expect(Object.keys(NOT_RUN).length).toBeLessThanOrEqual(MOST_NOT_RUN);
    expect(inOrder.length).toBeGreaterThan(120);
  },
  SLOW_MS,
);
