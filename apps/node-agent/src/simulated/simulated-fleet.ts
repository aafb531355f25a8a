import { randomUUID } from 'node:crypto';

import { RpcClient } from '@fornax/base';
import {
  dispatchConsumer,
  dispatchMessageSchema,
  dispatchSubject,
  joinReplySchema,
  type LeaseOrder,
  heartbeatSubject,
  type NodeReport,
  nodeRpcSubject,
  reportSubject,
  STREAMS,
} from '@fornax/contracts';
import { consumeBatches, DurablePublisher } from '@fornax/event-store';
import type { NatsConnection } from '@nats-io/nats-core';

import { SeenLeases } from '../node/orders.js';

export interface FleetOptions {
  /** A connection that may speak for all of the nodes. */
  readonly nc: NatsConnection;
  readonly nodes: number;
  readonly coresPerNode: number;
  readonly memoryMBPerNode: number;
  /** Node ids are `<prefix>-<number>`. */
  readonly prefix: string;
}

export interface SimulatedFleet {
  /** Leases answered so far. */
  readonly answered: () => number;
  close(): Promise<void>;
}

const answersTo = ({ leaseId, taskId, instance, traceparent }: LeaseOrder, at: number): readonly NodeReport[] => {
  const about = { leaseId, taskId, instance, ...(traceparent === undefined ? {} : { traceparent }) };
  return [
    { kind: 'started', ...about, startedAt: at },
    { kind: 'exited', ...about },
    {
      kind: 'ended',
      ...about,
      outcome: 'success',
      exitCode: 0,
      startedAt: at,
      endedAt: at,
      cpuMs: 0,
      uploadedFiles: 0,
      uploadedBytes: 0,
    },
  ];
};

/**
 * Nodes without processes: they join with hardware of their own invention, take leases and say at once that they succeeded. What is
 * measured with them is the control plane alone.
 */
export const startSimulatedFleet = async ({
  nc,
  nodes,
  coresPerNode,
  memoryMBPerNode,
  prefix,
}: FleetOptions): Promise<SimulatedFleet> => {
  const stop = new AbortController();
  const publisher = new DurablePublisher(nc);
  const rpc = new RpcClient(nc);
  let answered = 0;

  const loops: Promise<void>[] = [];
  const startNode = async (nodeId: string): Promise<void> => {
    const bootId = randomUUID();
    const hardware = {
      specificationKey: `${coresPerNode}c-${Math.round(memoryMBPerNode / 1024)}g-simulated`,
      cpuModel: 'simulated',
      cores: coresPerNode,
      memoryMB: memoryMBPerNode,
      ghz: 2.5,
      ssd: true,
      gpus: 0,
    };
    const request = { nodeId, bootId, driver: 'simulated', warnings: ['runs nothing'], hardware };
    const { nodeEpoch, heartbeatMs } = await rpc.request(
      nodeRpcSubject(nodeId, 'join'),
      request,
      joinReplySchema,
      30_000,
    );
    const seen = new SeenLeases();
    const beat = (): void => {
      nc.publish(heartbeatSubject(nodeId), JSON.stringify({ nodeId, nodeEpoch, bootId, leases: 0, at: Date.now() }));
    };
    beat();
    const timer = setInterval(beat, heartbeatMs);
    const consumer = {
      stream: STREAMS.dispatch,
      durable: dispatchConsumer(nodeId),
      asksSingly: true,
      filterSubject: dispatchSubject(nodeId),
    };
    const loop = consumeBatches(nc, { ...consumer, signal: stop.signal }, async (messages) => {
      const orders = messages.flatMap(({ data }) =>
        dispatchMessageSchema.parse(JSON.parse(Buffer.from(data).toString('utf8'))),
      );
      const leases = orders
        .filter((order) => order.kind === 'lease')
        .filter((order) => order.nodeEpoch === nodeEpoch && seen.add(order.leaseId));
      if (leases.length === 0) return;
      const at = Date.now();
      const reports = leases.flatMap((order) => answersTo(order, at));
      await publisher.publish(reportSubject(nodeId), Buffer.from(JSON.stringify({ nodeId, nodeEpoch, reports })));
      answered += leases.length;
    }).finally(() => clearInterval(timer));
    // Kept aside: an async function that returned the loop would wait for its end.
    loops.push(loop);
  };

  await Promise.all(Array.from({ length: nodes }, (_, at) => startNode(`${prefix}-${at + 1}`)));
  return {
    answered: () => answered,
    close: async () => {
      stop.abort();
      await Promise.all(loops);
      publisher.close();
    },
  };
};
