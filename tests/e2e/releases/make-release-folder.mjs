#!/usr/bin/env node
// Makes the data folder of a release for releases.e2e-spec.ts, out of a checkout that `npm start` has made ready:
//   node tests/e2e/releases/make-release-folder.mjs <checkout> <name>
// Starts that checkout's platform on a new folder under a host name of its own (as root), does a little of everything, writes down what GET answers, and packs what a
// release leaves: event log, secrets, objects, and the database as SQL (a cluster is forty times as large). Everything in it, secrets included,
// was made for this folder alone and opens nothing else.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { dumpDatabase } from './dump-database.mjs';

const [checkoutArgument, name] = process.argv.slice(2);
if (!checkoutArgument || !name) throw new Error('usage: make-release-folder.mjs <checkout> <name>');
const checkout = resolve(checkoutArgument);
const here = fileURLToPath(new URL('.', import.meta.url));
const libraryOf = (folder) => import(pathToFileURL(join(checkout, folder, 'dist/index.js')).href);
const { FornaxClient, ...client } = await libraryOf('libs/client');
// Releases before libs/s3 had the S3 client in libs/client.
const S3Client = client.S3Client ?? (await libraryOf('libs/s3')).S3Client;

/** Names of tasks, buckets and people; nobody reads meaning into them. */
const PEOPLE = { operator: 'operator@example.org', member: 'member@example.org' };
const until = async (what, check) => {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await delay(200)) {
    const found = await Promise.resolve()
      .then(check)
      .catch(() => undefined);
    if (found) return found;
  }
  throw new Error(`gave up waiting until ${what}`);
};

// Takes what one webhook sends and refuses what the other does. Nobody is there any more when a later release starts on the folder.
const receiver = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(request.url === '/taken' ? 200 : 503).end());
});
await new Promise((listens) => void receiver.listen(9, '127.0.0.1', listens));
const data = mkdtempSync(join(tmpdir(), 'fornax-release-'));
// A host name of its own: the node's facts are events.
const platform = spawn(
  'unshare',
  ['--uts', 'sh', '-c', 'hostname release-folder; exec "$@"', 'sh', process.execPath, 'tools/start.mjs'],
  {
    cwd: checkout,
    env: {
      ...process.env,
      FORNAX_DATA_DIR: data,
      FORNAX_PORT: '0',
      FORNAX_STORAGE_PORT: '0',
      FORNAX_SAMPLE: 'skip',
      FORNAX_BOOTSTRAP_EMAIL: PEOPLE.operator,
      FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:9',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  },
);
const ended = new Promise((done) => void platform.once('exit', done));

try {
  const env = await until('there is an env file', () =>
    Object.fromEntries(
      [...readFileSync(join(data, 'env'), 'utf8').matchAll(/^export ([A-Z0-9_]+)=['"]?(.*?)['"]?$/gm)].map((found) =>
        found.slice(1),
      ),
    ),
  );
  const { QARNOT_CLUSTER_URL: url, QARNOT_STORAGE_URL: endpoint, QARNOT_CLIENT_TOKEN: token } = env;
  await until('the platform is ready', async () => (await fetch(`${url}/health/ready`)).ok);
  const api = new FornaxClient({ url, token });
  const s3 = new S3Client({ endpoint, accessKey: env.AWS_ACCESS_KEY_ID, secretKey: token });
  const call = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: token, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return text === '' ? null : JSON.parse(text);
  };
  await until('a node is there', async () => (await api.nodes()).length > 0);

  const member = await api.people.createUser(PEOPLE.member);
  await api.people.createOrganization('an organization');
  await api.people.createProject({ name: 'a project' });
  await s3.createBucket('results');
  await s3.createBucket('empty');
  await api.history.createWebhook({ url: 'http://127.0.0.1:9/nobody-listens', name: 'a webhook' });
  const taken = await api.history.createWebhook({ url: 'http://127.0.0.1:9/taken', name: 'one that is taken' });
  const submit = (label, command, instanceCount, more = {}) =>
    api.submitTask({
      name: label,
      profile: 'docker-batch',
      instanceCount,
      constants: [{ key: 'DOCKER_CMD', value: command }],
      ...more,
    });
  const good = await submit('good', 'sh -c "echo instance $INSTANCE_ID; echo $INSTANCE_ID > result-$INSTANCE_ID"', 3, {
    resultBucket: 'results',
    tags: ['a tag'],
    shortname: 'good-one',
  });
  const bad = await submit('bad', 'sh -c "exit 3"', 1);
  const gone = await submit('gone', 'true', 1);
  const tasks = [good, bad];
  for (const id of [...tasks, gone]) await api.waitForTask(id);
  await api.deleteTask(gone);
  const aborted = await submit('aborted', 'sleep 600', 2);
  await until('it runs', async () => (await api.getTask(aborted)).runningInstanceCount === 2);
  await api.abortTask(aborted);
  await api.waitForTask(aborted);
  tasks.push(aborted);

  const paths = [
    '/tasks',
    '/fornax/v1/me',
    `/fornax/v1/users/${member.uuid}`,
    '/fornax/v1/organizations',
    '/fornax/v1/me/projects',
    '/fornax/v1/webhooks',
    '/fornax/v1/buckets',
    ...tasks.flatMap((id) => [
      `/tasks/${id}`,
      `/tasks/${id}/stdout`,
      `/fornax/v1/tasks/${id}/events`,
      `/fornax/v1/billing/tasks/${id}/lines`,
      `/credits/v1/tasks/${id}/credits`,
    ]),
  ];
  // Settled: bills and archived output follow a task's end.
  await until(
    'every instance is billed',
    async () =>
      (await call('GET', `/fornax/v1/billing/tasks/${good}/lines`)) &&
      (await call('GET', '/fornax/v1/projections')).every(({ lag }) => lag === 0),
  );
  const { sequence: end } = (await call('GET', '/fornax/v1/projections')).find(({ name: one }) => one === 'status');
  await until('everything is delivered', async () =>
    (await api.history.webhooks()).some(({ id, position }) => id === taken.id && position >= end),
  );
  await delay(3_000);
  const answers = {};
  for (const path of paths) {
    const response = await fetch(`${url}${path}`, { headers: { authorization: token } });
    const text = await response.text();
    answers[path] = {
      status: response.status,
      body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
    };
  }
  const objects = {};
  for (const { key } of await s3.listObjects('results')) objects[key] = (await s3.getBytes('results', key)).toString();

  const runtime = JSON.parse(readFileSync(join(data, 'runtime.json'), 'utf8'));
  const variables = readFileSync(`/proc/${runtime.pids.platform}/environ`, 'utf8').split('\0');
  const setting = (wanted) => variables.find((one) => one.startsWith(`${wanted}=`))?.slice(wanted.length + 1);
  const database = new pg.Client({
    connectionString:
      setting('FORNAX_DATABASE_URL') ?? readFileSync(setting('FORNAX_DATABASE_URL_FILE'), 'utf8').trim(),
  });
  database.on('error', () => undefined); // the query under way rejects
  await database.connect();
  s3.close();
  // One picture of it; what the log has beyond it is what a kill leaves.
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  writeFileSync(join(data, 'database.sql'), await dumpDatabase(database));
  await database.end();
  platform.kill('SIGINT');
  await ended;
  const expected = { answers, objects, tasks: { good, bad, aborted }, delivered: taken.id };
  writeFileSync(join(data, 'expected.json'), `${JSON.stringify(expected, null, 1)}\n`);
  const left = [
    ...['VERSION', 'version.json'].filter((file) => existsSync(join(data, file))),
    'expected.json',
    'database.sql',
    'secrets',
    'objects',
    'nats/store',
  ];
  const packed = join(here, `${name}.tar.gz`);
  const tar = spawnSync(
    'tar',
    ['--owner=0', '--group=0', '--exclude=secrets/processes', '-czf', packed, '-C', data, ...left],
    { stdio: 'inherit' },
  );
  if (tar.status !== 0) throw new Error('tar failed');
  console.log(`${packed}: ${readFileSync(packed).length} bytes`);
} finally {
  receiver.close();
  platform.kill('SIGINT');
  await ended;
  rmSync(data, { recursive: true, force: true });
}
