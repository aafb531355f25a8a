#!/usr/bin/env node
// Makes the streams on a NATS server whose services may not (docker-compose.yml, or a server of yours): once, and safe to repeat. With --serve it
// stays, and makes the consumers that services ask for.
import { provisionAs, retentionGraceOf, retentionOf, serveConsumersAs } from '../libs/event-store/dist/index.js';

const { FORNAX_NATS_URL: url, FORNAX_NATS_USER: user, FORNAX_NATS_PASSWORD: password } = process.env;
if (process.argv.includes('--help') || url === undefined) {
  console.log(
    'Usage: FORNAX_NATS_URL=nats://host:4222 FORNAX_NATS_USER=service/provisioner FORNAX_NATS_PASSWORD=... node infra/provision.mjs [--serve]\n' +
      'Makes the streams of Fornax. FORNAX_NATS_REPLICAS: copies of each, default 1.\n' +
      '--serve: stays and makes the consumers that services ask for. Fornax needs one such process all the time, and bears several.\n' +
      'FORNAX_LOG_RETENTION (off), FORNAX_LOG_RETENTION_GRACE_S (900): what it may take out of the event log, as the storage service has it.',
  );
  process.exit(process.argv.includes('--help') ? 0 : 2);
}
const who = { url, ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) };
const options = { replicas: Number(process.env.FORNAX_NATS_REPLICAS ?? 1) };
const leaving = {
  retentionMs: retentionOf(process.env.FORNAX_LOG_RETENTION ?? 'off'),
  graceMs: retentionGraceOf(process.env.FORNAX_LOG_RETENTION_GRACE_S ?? '900'),
};
await provisionAs(who, options);
console.log('the streams are there');
if (process.argv.includes('--serve')) {
  const connection = await serveConsumersAs(who, { ...options, ...leaving });
  console.log('consumers are made for whoever may ask');
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void connection.close());
}
