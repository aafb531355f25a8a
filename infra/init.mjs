#!/usr/bin/env node
// Makes the secrets of docker-compose.yml in infra/secrets (mode 600): once; a second run changes nothing.
// What a container gets, it gets as env_file: Compose reads those itself, as the person who runs it. A secret of kind `file` keeps the
// owner and mode that it has here, and a process of another user id in a container could not read it: only nats and postgres, whose
// containers start as root, have such ones.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
if (existsSync(join(folder, 'nats.conf'))) {
  console.log(`${folder} is complete; nothing was changed`);
  process.exit(0);
}
await ensureReady();
const { nodePermissions, renderNatsConfig, PINNED_NATS, parseNatsVersion, SERVICES_USER } =
  await import('../libs/embedded/dist/index.js');

const secret = () => randomBytes(24).toString('base64url');
const [servicesPassword, nodePassword, databasePassword, objectsSecret, token] = Array.from({ length: 5 }, secret);
mkdirSync(folder, { recursive: true, mode: 0o700 });
const write = (name, lines) =>
  writeFileSync(join(folder, name), Array.isArray(lines) ? `${lines.join('\n')}\n` : lines, { mode: 0o600 });

write('token', token);
write('postgres.password', databasePassword);
write('objects.env', ['ROOT_ACCESS_KEY=fornax', `ROOT_SECRET_KEY=${objectsSecret}`]);
write('services.env', [
  `FORNAX_NATS_PASSWORD=${servicesPassword}`,
  `FORNAX_DATABASE_URL=postgres://fornax:${databasePassword}@postgres:5432/fornax`,
  `FORNAX_MASTER_KEY=${randomBytes(32).toString('base64')}`,
]);
write('submission.env', [`FORNAX_BOOTSTRAP_TOKEN=${token}`]);
write('storage.env', ['FORNAX_S3_ACCESS_KEY=fornax', `FORNAX_S3_SECRET_KEY=${objectsSecret}`]);
write('node-1.env', ['FORNAX_NATS_USER=node-1', `FORNAX_NATS_PASSWORD=${nodePassword}`]);
// Last: its presence says that all others are there.
write(
  'nats.conf',
  renderNatsConfig({
    host: '0.0.0.0',
    port: 4222,
    storeDir: '/data',
    version: parseNatsVersion(PINNED_NATS),
    users: [
      { user: SERVICES_USER, password: servicesPassword },
      { user: 'node-1', password: nodePassword, permissions: nodePermissions('node-1') },
    ],
  }),
);
console.log(`Secrets written to ${folder}. Start with: docker compose up --build --detach`);
console.log(`The first user's token: ${join(folder, 'token')}`);
