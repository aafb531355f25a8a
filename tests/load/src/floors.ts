import { execFile } from 'node:child_process';
import { DurablePublisher } from '@fornax/event-store';
import { jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { promisify } from 'node:util';
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

const SPAWNS = 600;
/** A program of its own: a fork costs the more the more memory its process has, so what a large one spawns is no floor. */
const SPAWNER = `
const { spawn } = require('node:child_process');
const one = () => new Promise((resolve, reject) => spawn('/bin/true', { stdio: 'ignore' }).once('error', reject).once('exit', resolve));
const many = async (count) => {
  let left = count;
  const worker = async () => { while (left-- > 0) await one(); };
  await Promise.all([worker(), worker()]);
};
void many(50).then(async () => {
  const started = performance.now();
  await many(${SPAWNS});
  console.log((performance.now() - started) / 1000);
});`;

/** Processes/s of `/bin/true`, two under way, out of a fresh process: what starting anything at all costs here. */
export const spawnFloor = async (): Promise<number> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', SPAWNER]);
  const seconds = Number(stdout);
  if (!(seconds > 0)) throw new Error(`the spawner said ${stdout}`);
  return SPAWNS / seconds;
};
