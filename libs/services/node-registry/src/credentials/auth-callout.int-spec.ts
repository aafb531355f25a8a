import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { nodeUser, type FornaxEvent } from '@fornax/contracts';
import { JetStreamLog, connectNats, createNkey, type Nkey } from '@fornax/event-store';
import { loadCoreConfig } from '@fornax/service-kit';
import { createLogger, newId, systemClock } from '@fornax/base';
import { aCommit } from '@fornax/testing';
import { connect } from '@nats-io/transport-node';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands } from '../fleet/node-commands.js';
import { loadNodeRegistryConfig } from '../config/node-registry.config.js';
import { AdmissionPolicy } from './admission-policy.js';
import { Admission } from './admission.js';
import { AuthCallout } from './auth-callout.js';
import { startCalloutServer, type CalloutServer } from './callout-server.fixture.js';

const SLOW_MS = 60_000;

let server: CalloutServer;
let nc: Awaited<ReturnType<typeof connectNats>>;
let log: JetStreamLog;
let callout: AuthCallout;

/** The only replica that answers, and it has folded nothing: as right after its start. */
beforeAll(async () => {
  server = await startCalloutServer();
  nc = await connectNats({ url: server.url, ...server.services, name: 'spec' });
  log = await JetStreamLog.open(nc);
  const logger = createLogger('spec', 'silent');
  const env = {
    FORNAX_NATS_URL: server.url,
    FORNAX_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  };
  const [fleet, core] = [new Fleet(), loadCoreConfig('node-registry', env)];
  const config = loadNodeRegistryConfig({ FORNAX_NATS_ISSUER_SEED: server.issuer.seed });
  const commands = new NodeCommands(log, systemClock, fleet, logger);
  callout = new AuthCallout(
    nc,
    systemClock,
    logger,
    new AdmissionPolicy(nc, config, core),
    new Admission(fleet, commands, systemClock, logger),
  );
  callout.onApplicationBootstrap();
}, SLOW_MS);

afterAll(async () => {
  await callout.beforeApplicationShutdown();
  log.close();
  await nc.close();
  await server.stop();
}, SLOW_MS);

const connectAs = (nodeId: string, key: Nkey) =>
  connect({
    servers: server.url,
    inboxPrefix: `_INBOX_${nodeId}`,
    reconnect: false,
    authenticator: (nonce?: string) => ({
      user: nodeUser(nodeId),
      nkey: key.publicKey,
      sig: key.sign(Buffer.from(nonce ?? '')).toString('base64url'),
    }),
  });

it(
  'lets in a node that the log knows and this process does not yet, and nobody else',
  async () => {
    const key = createNkey('user');
    const issued = { nodeId: 'early', publicKey: key.publicKey, tokenId: null, at: 1 };
    await log.append('node', 'early', aCommit<FornaxEvent>(newId(), [{ type: 'NodeCredentialIssued', ...issued }]), 0);
    await (await connectAs('early', key)).close();
    await expect(connectAs('early', createNkey('user'))).rejects.toThrow(/authorization/i);
    await expect(connectAs('stranger', key)).rejects.toThrow(/authorization/i);
  },
  SLOW_MS,
);
