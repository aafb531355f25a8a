import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeRpcSubject, type NodeRpcMethod } from '@fornax/contracts';
import { nodeInboxPrefix } from '@fornax/embedded';
import { connect, headers as newHeaders, type NatsConnection } from '@nats-io/transport-node';

/** What a service says to a node: `ok` or `error`. */
export interface Reply {
  readonly ok?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Somebody with everything that a node's agent knows, who is at the server beside it and says whatever it likes. */
export class NodeIntruder {
  /** What the server refused, in its words. */
  readonly refusals: string[] = [];

  private constructor(
    readonly nodeId: string,
    private readonly nc: NatsConnection,
  ) {
    void this.watch();
  }

  /** With the password that the platform gave to its own node. */
  static async enter(dataDir: string, natsUrl: string, nodeId: string): Promise<NodeIntruder> {
    const file = join(dataDir, 'secrets', 'processes', nodeId, 'FORNAX_NATS_PASSWORD');
    const nc = await connect({
      servers: natsUrl,
      user: nodeId,
      pass: (await readFile(file, 'utf8')).trim(),
      inboxPrefix: nodeInboxPrefix(nodeId),
      reconnect: false,
    });
    return new NodeIntruder(nodeId, nc);
  }

  close(): Promise<void> {
    return this.nc.close();
  }

  /** Says it, and waits until the server has heard it. */
  async say(subject: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const sent = newHeaders();
    for (const [name, value] of Object.entries(headers)) sent.set(name, value);
    this.nc.publish(subject, typeof body === 'string' ? body : JSON.stringify(body), { headers: sent });
    await this.nc.flush();
  }

  async listen(subject: string): Promise<void> {
    this.nc.subscribe(subject, { callback: () => undefined });
    await this.nc.flush();
  }

  /** @throws Error nobody answers */
  async ask(method: NodeRpcMethod, body: unknown): Promise<Reply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await this.nc.request(nodeRpcSubject(this.nodeId, method), text, { timeout: 10_000 });
    return answer.json<Reply>();
  }

  private async watch(): Promise<void> {
    for await (const status of this.nc.status()) if (status.type === 'error') this.refusals.push(status.error.message);
  }
}
