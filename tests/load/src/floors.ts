import { spawn } from 'node:child_process';
import { DurablePublisher } from '@fornax/event-store';
import { jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { timed } from './statistics.js';

const STREAM = 'BENCH_FLOOR';

/** Durable JetStream publishes/s of 500 bytes, on the platform's own server, with 1 and with 256 in flight. */
export const publishFloor = async (
  nc: NatsConnection,
): Promise<{ readonly single: number; readonly pipelined: number }> => {
  const manager = await jetstreamManager(nc);
  await manager.streams.add({
    name: STREAM,
    subjects: ['bench.floor.>'],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
  });
  const publisher = new DurablePublisher(nc);
  const body = new Uint8Array(500).fill(120);
  const publish = (index: number): Promise<unknown> => publisher.publish(`bench.floor.${index % 64}`, body);
  try {
    await timed(500, 64, publish);
    const single = 1_000 / (await timed(1_000, 1, publish));
    const pipelined = 20_000 / (await timed(20_000, 256, publish));
    return { single, pipelined };
  } finally {
    await manager.streams.delete(STREAM);
  }
};

/** Processes/s of `/bin/true`, two under way: what starting anything at all costs here. */
export const spawnFloor = async (): Promise<number> => {
  const one = (): Promise<void> =>
    new Promise((resolve, reject) =>
      spawn('/bin/true', { stdio: 'ignore' })
        .once('error', reject)
        .once('exit', () => resolve()),
    );
  await timed(50, 2, one);
  return 600 / (await timed(600, 2, one));
};
