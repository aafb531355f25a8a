#!/usr/bin/env node
// Makes the streams on a NATS server whose services may not (docker-compose.yml, or a server of yours): once, and safe to repeat.
import { provisionAs } from '../libs/event-store/dist/index.js';

const { FORNAX_NATS_URL: url, FORNAX_NATS_USER: user, FORNAX_NATS_PASSWORD: password } = process.env;
if (process.argv.includes('--help') || url === undefined) {
  console.log(
    'Usage: FORNAX_NATS_URL=nats://host:4222 FORNAX_NATS_USER=service/provisioner FORNAX_NATS_PASSWORD=... node infra/provision.mjs\n' +
      'Makes the streams of Fornax. FORNAX_NATS_REPLICAS: copies of each, default 1.',
  );
  process.exit(url === undefined ? 2 : 0);
}
await provisionAs(
  { url, ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) },
  { replicas: Number(process.env.FORNAX_NATS_REPLICAS ?? 1) },
);
console.log('the streams are there');
