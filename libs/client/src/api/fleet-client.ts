import type { JsonCall } from './api-connection.js';
import { trusted, type FleetNode, type NodeEventPage, type NodeEventRecord, type Scheduling } from './wire-types.js';

/** The nodes, and what operators do with them. */
export class FleetClient {
  constructor(private readonly json: JsonCall) {}

  /** Every node that ever joined. */
  nodes(): Promise<readonly FleetNode[]> {
    return this.json('GET', '/fornax/v1/nodes', trusted<readonly FleetNode[]>());
  }

  /** The queue and what is free, as the leading scheduler sees it; operators only. */
  scheduling(): Promise<Scheduling> {
    return this.json('GET', '/fornax/v1/scheduling', trusted<Scheduling>());
  }

  /** No new instances on a node; those that run go on. Operators only, like all that changes a node. */
  drain(id: string): Promise<FleetNode> {
    return this.change(id, 'drain');
  }

  /** Ends a drain. */
  resume(id: string): Promise<FleetNode> {
    return this.change(id, 'resume');
  }

  /** The node is gone for good. @throws ApiError 409 while it holds instances */
  retire(id: string): Promise<FleetNode> {
    return this.change(id, 'retire');
  }

  /** Everything that happened to a node, in order; operators only. @param after sequence of the last commit that is known */
  async *events(id: string, after = 0): AsyncGenerator<NodeEventRecord, void, undefined> {
    for (let from: number | null = after; from !== null;) {
      const path = `/fornax/v1/nodes/${encodeURIComponent(id)}/events?after=${from}&limit=1000`;
      const page: NodeEventPage = await this.json('GET', path, trusted<NodeEventPage>());
      yield* page.events;
      from = page.next;
    }
  }

  private change(id: string, verb: string): Promise<FleetNode> {
    return this.json('POST', `/fornax/v1/nodes/${encodeURIComponent(id)}/${verb}`, trusted<FleetNode>());
  }
}
