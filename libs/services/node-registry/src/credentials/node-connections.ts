import { Inject, Injectable } from '@nestjs/common';
import { NODES_ACCOUNT } from '@fornax/contracts';
import type { NodeState } from '@fornax/domain';
import { LOGGER, NATS } from '@fornax/service-kit';
import { jsonOf, delay } from '@fornax/base';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands } from '../fleet/node-commands.js';
import type { NatsConnection } from '../connection/nats-connection.js';

/** What the server shows as the user of a node's connection: the node and the key that opened it. */
export const connectionName = (nodeId: string, publicKey: string): string => `node:${nodeId} ${publicKey}`;
const parseConnectionName = (name: string): { readonly nodeId: string; readonly publicKey: string } | undefined => {
  const [, nodeId, publicKey] = /^node:(\S+) (U[A-Z2-7]{55})$/.exec(name) ?? [];
  return nodeId === undefined || publicKey === undefined ? undefined : { nodeId, publicKey };
};

/** Whether a key opens a connection of a node. */
export const opens = (state: NodeState | undefined, publicKey: string): boolean =>
  state?.access?.keys.some((key) => key.publicKey === publicKey) === true;

interface NodeConnection {
  readonly nodeId: string;
  readonly publicKey: string;
  readonly serverId: string;
  readonly connectionId: number;
}

const PAGE = 1_024;
const TIMEOUT_MS = 2_000;
/** A server that asked before the revocation may let somebody in just after it: looked at again after these. */
const LOOKS_MS = [0, 200, 800] as const;

const pageSchema = z.object({
  server: z.object({ id: z.string() }),
  data: z.object({
    total: z.number(),
    connections: z.array(z.object({ cid: z.number(), authorized_user: z.string().default('') })).nullish(),
  }),
});
type Page = z.output<typeof pageSchema>;

/** The live connections of nodes that joined, on every server; and their end. */
@Injectable()
export class NodeConnections {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly fleet: Fleet,
    private readonly commands: NodeCommands,
  ) {}

  /**
   * Ends what a key holds open that opens nothing any more: at once, and again shortly after.
   * @param nodeId of one node; without it, of all
   * @returns how many connections were ended
   * @throws Error the server or the log did not answer
   */
  async endVoid(nodeId?: string, looks: readonly number[] = LOOKS_MS): Promise<number> {
    let ended = 0;
    for (const waitMs of looks) {
      if (waitMs > 0) await delay(waitMs);
      for (const connection of await this.list()) {
        if (nodeId !== undefined && connection.nodeId !== nodeId) continue;
        if (await this.isOpen(connection)) continue;
        await this.kick(connection);
        ended += 1;
        this.logger.warn({ nodeId: connection.nodeId }, 'a connection was ended: its key opens nothing any more');
      }
    }
    return ended;
  }

  /** The same for one node. A connection that stays open does not fail the request: it is logged and checked again. Never rejects. */
  async endVoidIfPossible(nodeId: string): Promise<void> {
    await this.endVoid(nodeId).catch((err: unknown) =>
      this.logger.warn({ nodeId, err }, 'a node whose key opens nothing may still be connected; trying again'),
    );
  }

  /** What this process has not folded yet is no reason to cut off a node: whatever looks void is read from the log. */
  private async isOpen({ nodeId, publicKey }: NodeConnection): Promise<boolean> {
    if (opens(this.fleet.get(nodeId)?.state, publicKey)) return true;
    return opens((await this.commands.load(nodeId)).state, publicKey);
  }

  private async list(): Promise<readonly NodeConnection[]> {
    const found: NodeConnection[] = [];
    for (let offset = 0; ; offset += PAGE) {
      const pages = await this.ask(offset);
      for (const { server, data } of pages) {
        for (const { cid, authorized_user: user } of data.connections ?? []) {
          const name = parseConnectionName(user);
          if (name) found.push({ ...name, serverId: server.id, connectionId: cid });
        }
      }
      if (pages.every(({ data }) => data.total <= offset + PAGE)) return found;
    }
  }

  /** One page of every server. */
  private async ask(offset: number): Promise<readonly Page[]> {
    const query = JSON.stringify({ acc: NODES_ACCOUNT, auth: true, limit: PAGE, offset });
    const answers = await this.nc.requestMany('$SYS.REQ.SERVER.PING.CONNZ', query, {
      strategy: 'stall',
      stall: 300,
      maxWait: TIMEOUT_MS,
    });
    const pages: Page[] = [];
    for await (const answer of answers) {
      const page = pageSchema.safeParse(jsonOf(answer.data));
      if (page.success) pages.push(page.data);
    }
    if (pages.length === 0) throw new Error('no server told its connections');
    return pages;
  }

  private async kick({ serverId, connectionId }: NodeConnection): Promise<void> {
    const answer = await this.nc.request(`$SYS.REQ.SERVER.${serverId}.KICK`, JSON.stringify({ cid: connectionId }), {
      timeout: TIMEOUT_MS,
    });
    const { error } = z.looseObject({ error: z.unknown() }).catch({ error: undefined }).parse(jsonOf(answer.data));
    // A connection that ended by itself in the meantime is no failure.
    if (error !== undefined) this.logger.info({ connectionId }, 'the connection was gone already');
  }
}
