import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dispatchMessageSchema, heartbeatSchema, nodeReportsSchema } from '@fornax/contracts';
import { connectNats } from '@fornax/event-store';
import { eventually } from '@fornax/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { expectOk } from './call.js';
import { platform, readRuntime } from './platform.js';

const NODE = 'node-1';
let node: NatsConnection;
let operator: NatsConnection;

/** The node's NATS user, as the operator of its machine finds it in the environment of the agent that runs there. */
const credentialsOfNode = async (): Promise<{ readonly user: string; readonly password: string }> => {
  const { pids } = await readRuntime();
  const environment = await readFile(`/proc/${pids[NODE] ?? 0}/environ`, 'utf8');
  const value = (name: string): string =>
    environment
      .split('\0')
      .find((line) => line.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? '';
  return {
    user: value('FORNAX_NATS_USER'),
    password: (await readFile(value('FORNAX_NATS_PASSWORD_FILE'), 'utf8')).trim(),
  };
};

const passwords = async (): Promise<Readonly<Record<string, string>>> =>
  JSON.parse(await readFile(join(platform.dataDir, 'secrets', 'nats.json'), 'utf8')) as Record<string, string>;

beforeAll(async () => {
  const { nats } = await readRuntime();
  const credentials = await credentialsOfNode();
  node = await connectNats({ url: nats.url, ...credentials, name: 'attacker', inboxPrefix: `_INBOX_${NODE}` });
  const user = 'service/operator';
  operator = await connectNats({ url: nats.url, user, password: (await passwords())[user] ?? '', name: 'observer' });
});

afterAll(async () => {
  await ask('STREAM.PURGE.FX_DISPATCH', JSON.stringify({ filter: BEACON }));
  await node.close();
  await operator.close();
});

interface StreamInfo {
  readonly created: string;
  readonly config: { readonly name: string; readonly subjects?: readonly string[] };
  readonly state: { readonly last_seq: number; readonly subjects?: Readonly<Record<string, number>> };
}
interface ConsumerInfo {
  readonly name: string;
  readonly created: string;
  readonly config: { readonly durable_name?: string; readonly filter_subject?: string };
}
interface ConsumerList {
  readonly consumers: readonly ConsumerInfo[] | null;
}

const ask = async <T>(subject: string, body = '{}'): Promise<T> =>
  (await operator.request(`$JS.API.${subject}`, body, { timeout: 5_000 })).json<T>();

/** An order for a node that does not exist, which only a purge or a deletion takes away. */
const BEACON = 'fx.dispatch.nobody';
const countOf = async (stream: string, subject: string): Promise<number> => {
  const { state } = await ask<StreamInfo>(`STREAM.INFO.${stream}`, JSON.stringify({ subjects_filter: subject }));
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
};

/** What an attack could undo, and what a platform that works leaves as it is: a stream or a consumer that was made anew has another birthday. */
const stateOf = async (): Promise<unknown> => {
  const { streams } = await ask<{ readonly streams: readonly StreamInfo[] }>('STREAM.LIST');
  const names = streams.map(({ config }) => config.name).sort();
  const consumers = await Promise.all(names.map((name) => ask<ConsumerList>(`CONSUMER.LIST.${name}`)));
  return {
    streams: streams.map(({ created, config }) => ({ created, config })),
    // Those without a name of their own come and go with their readers.
    consumers: consumers.flatMap(({ consumers: all }) =>
      (all ?? [])
        .filter(({ config }) => config.durable_name !== undefined)
        .map(({ name, created, config }) => ({ name, created, filter: config.filter_subject })),
    ),
    beacons: await countOf('FX_DISPATCH', BEACON),
    poison: await Promise.all(
      ['fx.ev.task.poison', 'fx.ev.account.poison'].map((one) => countOf('FORNAX_EVENTS', one)),
    ),
  };
};

const isReady = async (): Promise<boolean> => (await fetch(`${platform.apiUrl}/health/ready`)).status === 200;

const TARGETS = [
  '$JS.API.STREAM.DELETE.FORNAX_EVENTS',
  '$JS.API.STREAM.DELETE.FX_REPORTS',
  '$JS.API.STREAM.PURGE.FX_DISPATCH',
  '$JS.API.STREAM.DELETE.KV_FX_LEADER',
  '$JS.API.CONSUMER.DELETE.FX_REPORTS.scheduler',
  '$JS.API.CONSUMER.DELETE.FX_DISPATCH.node-2',
  '$KV.FX_LEADER.scheduler',
  'fx.ev.task.poison',
  'fx.ev.account.poison',
  'fx.dispatch.node-2',
  'fx.report.node-2',
  'fx.rpc.node.node-2.leave',
  'fx.hb.node-2',
];

/** Where something arrives, if it arrives: what comes there otherwise is said by those who may. */
const isHonest: Readonly<Record<string, (data: string) => boolean>> = {
  '$KV.FX_LEADER.scheduler': (data) => z.object({ candidate: z.string() }).safeParse(jsonOf(data)).success,
  'fx.dispatch.node-2': (data) => dispatchMessageSchema.safeParse(jsonOf(data)).success,
  'fx.report.node-2': (data) => nodeReportsSchema.safeParse(jsonOf(data)).success,
  'fx.hb.node-2': (data) => heartbeatSchema.safeParse(jsonOf(data)).success,
};
const jsonOf = (data: string): unknown => {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
};
let arrived: string[] = [];

beforeAll(async () => {
  for (const subject of TARGETS.filter((target) => !target.startsWith('$JS.')))
    operator.subscribe(subject, {
      callback: (error, message) => {
        const data = message.string();
        if (error || isHonest[subject]?.(data) !== true) arrived.push(`${subject} ${error?.message ?? data}`);
      },
    });
  await operator.request(BEACON, 'x', { timeout: 5_000 });
  // The platform of the run has only just been started.
  const consumersOfNodes = (): Promise<ConsumerList> => ask('CONSUMER.LIST.FX_DISPATCH');
  await eventually(async () => (await consumersOfNodes()).consumers?.length === 2, { timeoutMs: 30_000 });
});

const QUESTIONS: readonly (readonly [string, string])[] = [
  [`$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.${NODE}`, '{"batch":1,"no_wait":true}'],
  [`fx.log.${NODE}.x.0.stdout`, 'x'],
  [`fx.report.${NODE}`, 'x'],
  [`fx.report.${NODE}.snapshot`, 'x'],
  [`fx.rpc.node.${NODE}.grant`, '{}'],
  [`fx.rpc.node.${NODE}.join`, '{}'],
  [`fx.hb.${NODE}`, '{}'],
];

describe("a machine's operator with the NATS password of its node", () => {
  it('would be seen by the observer, wherever it arrived', async () => {
    arrived = [];
    operator.publish('fx.hb.node-2', '');
    await operator.flush();
    expect(arrived).toEqual(['fx.hb.node-2 ']);
    expect(await stateOf()).toMatchObject({ beacons: 1, poison: [0, 0] });
  });

  it.each(QUESTIONS)('deletes and writes nothing through the answer to %s', async (subject, body) => {
    arrived = [];
    const before = await stateOf();
    for (const reply of TARGETS) node.publish(subject, body, { reply });
    for (const target of TARGETS) node.publish(target, '');
    await node.flush();
    // A request of the node's own that is answered behind all of these: whoever answers has seen them.
    await node.request(`fx.rpc.node.${NODE}.grant`, '{}', { timeout: 10_000 });
    await operator.flush();
    expect(await stateOf()).toEqual(before);
    expect(arrived).toEqual([]);
  });

  it('leaves a platform that is ready and runs tasks', async () => {
    expect(await isReady()).toBe(true);
    const { uuid } = await expectOk<{ uuid: string }>('POST', '/tasks', {
      token: platform.token,
      body: {
        name: 'after the attack',
        profile: 'docker-batch',
        instanceCount: 1,
        constants: [{ key: 'DOCKER_CMD', value: 'true' }],
      },
    });
    const deadline = performance.now() + 60_000;
    let state = '';
    while (state !== 'Success' && performance.now() < deadline) {
      ({ state } = await expectOk<{ state: string }>('GET', `/tasks/${uuid}`, { token: platform.token }));
      if (state !== 'Success') await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(state).toBe('Success');
  }, 90_000);
});
