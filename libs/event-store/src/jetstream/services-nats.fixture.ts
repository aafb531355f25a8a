import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTROL_SERVICES, type ControlService } from '@fornax/contracts';
import { type NatsCredentials, type NatsServer, startNats } from '@fornax/embedded';
import { testNatsBinary } from '@fornax/testing';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { provision, serveConsumersAs } from '../provision.js';

interface Parts {
  readonly folder: string;
  readonly server: NatsServer;
  /** Sees and may do everything in the account that owns the log. */
  readonly operator: NatsConnection;
  readonly maker: NatsConnection;
  readonly manager: JetStreamManager;
  readonly services: ReadonlyMap<ControlService, NatsConnection>;
}

/** A server where each service has its own user with its own rights, as under `npm start -- --services`, and a connection of each. */
export class ServicesNats {
  private constructor(private readonly parts: Parts) {}

  static async start(): Promise<ServicesNats> {
    const folder = await mkdtemp(join(tmpdir(), 'fornax-rights-'));
    const dataDir = join(folder, 'nats');
    const server = await startNats({
      binary: await testNatsBinary(),
      dataDir,
      nodes: ['node-1'],
      layout: 'services',
    });
    const connectAs = (who: NatsCredentials | undefined): Promise<NatsConnection> =>
      connect({ servers: server.url, user: who?.user ?? '', pass: who?.password ?? '', reconnect: false });
    const user = 'service/operator';
    const passwords = JSON.parse(await readFile(join(dataDir, 'nats.json'), 'utf8')) as Record<string, string>;
    const operator = await connectAs({ user, password: passwords[user] ?? '' });
    await provision(operator);
    const maker = await serveConsumersAs({ url: server.url, ...server.credentials.log });
    const services = new Map<ControlService, NatsConnection>();
    for (const service of CONTROL_SERVICES)
      services.set(service, await connectAs(server.credentials.services[service]));
    const manager = await jetstreamManager(operator);
    return new ServicesNats({ folder, server, operator, maker, manager, services });
  }

  get operator(): NatsConnection {
    return this.parts.operator;
  }

  /** Makes the streams, and consumers for those who may not. */
  get maker(): NatsConnection {
    return this.parts.maker;
  }

  get manager(): JetStreamManager {
    return this.parts.manager;
  }

  get services(): Parts['services'] {
    return this.parts.services;
  }

  as(service: ControlService): NatsConnection {
    const connection = this.services.get(service);
    if (connection === undefined) throw new Error(`${service} is not connected`);
    return connection;
  }

  /** Everything that the server did with what was sent before. */
  async settled(): Promise<void> {
    for (let round = 0; round < 2; round += 1)
      for (const connection of [...this.services.values(), this.maker, this.operator]) await connection.flush();
  }

  async stop(): Promise<void> {
    for (const connection of [...this.services.values(), this.operator, this.maker]) await connection.close();
    await this.parts.server.stop();
    await rm(this.parts.folder, { recursive: true, force: true });
  }
}
