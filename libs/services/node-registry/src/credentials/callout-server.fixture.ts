import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess, findFreePort } from '@fornax/embedded';
import { connectNats, createNkey, type Nkey } from '@fornax/event-store';
import { testNatsBinary } from '@fornax/testing';

/** A server that asks about whoever its configuration does not name; services and nodes in accounts of their own. */
export interface CalloutServer {
  readonly url: string;
  readonly issuer: Nkey;
  readonly services: { readonly user: string; readonly password: string };
  stop(): Promise<void>;
}

const PASSWORD = 'of-the-services';

const configOf = (port: number, storeDir: string, issuer: Nkey): string => `
host: 127.0.0.1
port: ${port}
jetstream { store_dir: ${JSON.stringify(storeDir)} }
accounts {
  SERVICES {
    jetstream: enabled
    users: [{ user: services, password: ${PASSWORD} }]
    exports: [{ service: ">", accounts: [NODES], response_type: stream, threshold: "5s" }]
    imports: [
      { service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.CONNZ" } }
      { service: { account: SYS, subject: "$SYS.REQ.SERVER.*.KICK" } }
    ]
  }
  NODES {
    users: [
      { user: node-1, password: of-node-1 }
      { nkey: ${createNkey('user').publicKey}, permissions: { publish: { deny: ">" }, subscribe: { deny: ">" } } }
    ]
    imports: [
      { service: { account: SERVICES, subject: "fx.rpc.node.*.*" } }
      { service: { account: SERVICES, subject: "fx.hb.*" } }
      { service: { account: SERVICES, subject: "$JS.API.CONSUMER.INFO.FX_DISPATCH.*" } }
      { service: { account: SERVICES, subject: "$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.*" } }
    ]
  }
  SYS {
    exports: [
      { service: "$SYS.REQ.SERVER.PING.CONNZ", accounts: [SERVICES], response_type: stream, threshold: "5s" }
      { service: "$SYS.REQ.SERVER.*.KICK", accounts: [SERVICES] }
    ]
  }
}
system_account: SYS
authorization { auth_callout { issuer: ${issuer.publicKey}, account: SERVICES, auth_users: [services, node-1] } }
`;

export const startCalloutServer = async (): Promise<CalloutServer> => {
  const binary = await testNatsBinary();
  const folder = await mkdtemp(join(tmpdir(), 'fornax-callout-'));
  const port = await findFreePort();
  const issuer = createNkey('account');
  await writeFile(join(folder, 'nats.conf'), configOf(port, join(folder, 'store'), issuer));
  const child = await ServerProcess.spawn(binary.path, {
    args: ['-c', join(folder, 'nats.conf')],
    env: process.env,
    cwd: folder,
    logFile: join(folder, 'nats.log'),
  });
  const url = `nats://127.0.0.1:${port}`;
  const services = { user: 'services', password: PASSWORD };
  await (await connectNats({ url, ...services, name: 'is it there' })).close();
  return {
    url,
    issuer,
    services,
    stop: async () => {
      await child.stop([{ signal: 'SIGTERM', graceMs: 3_500 }]);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
