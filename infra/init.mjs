#!/usr/bin/env node
// Makes the secrets of docker-compose.yml in infra/secrets (mode 600): those that are missing; a second run changes nothing.
// What a container gets, it gets as env_file: Compose reads those itself, as the person who runs it. A secret of kind `file` keeps the
// owner and mode that it has here, and a process of another user id in a container could not read it: only nats and postgres, whose
// containers start as root, have such ones.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureReady } from '../tools/bootstrap.mjs';

const [given] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const folder = given === undefined ? fileURLToPath(new URL('secrets', import.meta.url)) : resolve(given);
if (process.argv.includes('--help')) {
  console.log(
    'Usage: node infra/init.mjs [folder]\nMakes the secrets that docker-compose.yml reads, in infra/secrets. To rotate one, delete its file (and those made from it) first.',
  );
  process.exit(0);
}
await ensureReady();
const {
  CONTROL_SERVICES,
  PINNED_NATS,
  PROVISIONER_USER,
  calloutOf,
  natsUsers,
  newIssuerSeed,
  parseNatsVersion,
  renderNatsConfig,
  userNames,
  userOf,
} = await import('../libs/embedded/dist/index.js');

const secret = () => randomBytes(24).toString('base64url');
mkdirSync(folder, { recursive: true, mode: 0o700 });
const written = [];
const pathOf = (name) => join(folder, name);
const write = (name, lines) => {
  writeFileSync(pathOf(name), `${lines.join('\n')}\n`, { mode: 0o600 });
  written.push(name);
};
const read = (name) => readFileSync(pathOf(name), 'utf8').trim();
/** What is there stays: only what is missing is made. */
const keep = (name, make) => {
  if (!existsSync(pathOf(name))) write(name, make());
};
const valueIn = (name, variable) => new RegExp(`^${variable}=(.*)$`, 'm').exec(read(name))?.[1];

keep('token', () => [secret()]);
keep('postgres.password', () => [secret()]);
const objectsSecret = secret();
keep('objects.env', () => ['ROOT_ACCESS_KEY=fornax', `ROOT_SECRET_KEY=${objectsSecret}`]);
keep('services.env', () => [`FORNAX_DATABASE_URL=postgres://fornax:${read('postgres.password')}@postgres:5432/fornax`]);
// Releases of before gave it to all services.
const masterKey = valueIn('services.env', 'FORNAX_MASTER_KEY');
keep('master-key.env', () => [`FORNAX_MASTER_KEY=${masterKey ?? randomBytes(32).toString('base64')}`]);
if (masterKey !== undefined)
  write(
    'services.env',
    read('services.env')
      .split('\n')
      .filter((line) => !line.startsWith('FORNAX_MASTER_KEY=')),
  );
keep('submission.env', () => [`FORNAX_BOOTSTRAP_TOKEN=${read('token')}`]);
// For the operator to fill in: whoever has no OpenID provider leaves it as it is.
keep('openid.env', () => ['# FORNAX_OIDC_CLIENT_SECRET=']);
keep('storage.env', () => [
  'FORNAX_S3_ACCESS_KEY=fornax',
  `FORNAX_S3_SECRET_KEY=${valueIn('objects.env', 'ROOT_SECRET_KEY')}`,
]);
keep('node-1.env', () => ['FORNAX_NATS_USER=node-1', `FORNAX_NATS_PASSWORD=${secret()}`]);
// A NATS user for each service, and one that makes the streams.
const natsFiles = new Map([
  [PROVISIONER_USER, 'nats-provisioner.env'],
  ...CONTROL_SERVICES.map((service) => [userOf(service), `nats-${service}.env`]),
  ['node-1', 'node-1.env'],
]);
for (const [user, file] of natsFiles) {
  keep(file, () => [
    `FORNAX_NATS_USER=${user}`,
    `FORNAX_NATS_PASSWORD=${secret()}`,
    // With it node-registry signs which nodes may connect.
    ...(user === userOf('node-registry') ? [`FORNAX_NATS_ISSUER_SEED=${newIssuerSeed()}`] : []),
  ]);
}
// An operator's user for tools; no container is given it.
keep('nats-operator.env', () => ['FORNAX_NATS_USER=service/operator', `FORNAX_NATS_PASSWORD=${secret()}`]);
natsFiles.set('service/operator', 'nats-operator.env');

const unknown = userNames('services', ['node-1']).filter((user) => !natsFiles.has(user));
if (unknown.length > 0) throw new Error(`no file for ${unknown.join(', ')}`);
const config = renderNatsConfig({
  host: '0.0.0.0',
  port: 4222,
  storeDir: '/data',
  version: parseNatsVersion(PINNED_NATS),
  layout: 'services',
  users: natsUsers('services', ['node-1'], (user) => valueIn(natsFiles.get(user), 'FORNAX_NATS_PASSWORD')),
  callout: calloutOf(valueIn('nats-node-registry.env', 'FORNAX_NATS_ISSUER_SEED')),
});
// An earlier version's configuration is replaced; the passwords in it that still count are in the files above.
if (!existsSync(pathOf('nats.conf')) || readFileSync(pathOf('nats.conf'), 'utf8') !== `${config}\n`)
  write('nats.conf', [config]);

if (written.length === 0) {
  console.log(`${folder} is complete; nothing was changed`);
} else {
  console.log(`Secrets written to ${folder}: ${written.join(', ')}. Start with: docker compose up --build --detach`);
  console.log(`The first user's token: ${pathOf('token')}`);
}
