import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNats } from '@fornax/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
  await node.close();
  await operator.close();
});

interface StreamInfo {
  readonly state: { readonly last_seq: number; readonly messages: number };
  readonly config: { readonly name: string };
}

const streams = async (): Promise<readonly StreamInfo[]> =>
  (await operator.request('$JS.API.STREAM.LIST', '{}', { timeout: 5_000 })).json<{ streams: readonly StreamInfo[] }>()
    .streams;

/** Subjects that the log holds and no aggregate has. */
const poison = async (): Promise<unknown> =>
  (
    await operator.request('$JS.API.STREAM.INFO.FORNAX_EVENTS', '{"subjects_filter":"fx.ev.task.poison*"}', {
      timeout: 5_000,
    })
  ).json<{ state: { subjects?: unknown } }>().state.subjects;

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
  it.each(QUESTIONS)('deletes and writes nothing through the answer to %s', async (subject, body) => {
    const names = (await streams()).map(({ config }) => config.name).sort();
    expect(names).toEqual(['FORNAX_EVENTS', 'FX_DISPATCH', 'FX_LOGS', 'FX_QUARANTINE', 'FX_REPORTS', 'KV_FX_LEADER']);
    for (const reply of TARGETS) node.publish(subject, body, { reply });
    for (const target of TARGETS) node.publish(target, '');
    await node.flush();
    await operator.flush();
    expect((await streams()).map(({ config }) => config.name).sort()).toEqual(names);
    expect(await poison()).toBeUndefined();
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
