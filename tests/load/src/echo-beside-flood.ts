import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient } from './api.js';
import { percentile } from './statistics.js';

const EVERY_MS = 50;
const SETTLE_MS = 5_000;

interface Task {
  readonly uuid: string;
  readonly state: string;
}

const submit = (client: LoadClient, name: string, command: string): Promise<Task> =>
  client.call('POST', '/tasks', {
    name,
    profile: 'docker-batch',
    instanceCount: 1,
    constants: [{ key: 'DOCKER_CMD', value: command }],
  });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const running = async (client: LoadClient, uuid: string): Promise<void> => {
  while ((await client.call<Task>('GET', `/tasks/${uuid}`)).state !== 'FullyExecuting') await pause(50);
};

/** Milliseconds from each `date` of the task to its line at a reader of its tail. */
async function* latenciesOf(platform: RunningPlatform, uuid: string): AsyncGenerator<number> {
  const answer = await fetch(`${platform.apiUrl}/fornax/v1/tasks/${uuid}/instances/0/stdout/tail`, {
    headers: { authorization: platform.token },
  });
  if (!answer.ok || answer.body === null) throw new Error(`the tail of ${uuid}: ${answer.status}`);
  let rest = '';
  for await (const bytes of answer.body.pipeThrough(new TextDecoderStream())) {
    const events = `${rest}${bytes}`.split('\n\n');
    rest = events.pop() ?? '';
    const now = performance.timeOrigin + performance.now();
    for (const event of events) {
      if (event.includes('event: end')) return;
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data === undefined) continue;
      const { text = '' } = JSON.parse(data) as { readonly text?: string };
      for (const line of text.split('\n').filter((each) => each !== '')) yield now - Number(line) / 1e6;
    }
  }
}

export interface EchoLatency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * Latency of single lines from their `date` to a reader while nothing else prints, and while another instance prints as fast as it can.
 * @param lines of each of the two
 * @returns also how fast the flood was taken in, in MB/s
 */
export const echoBesideFlood = async (
  platform: RunningPlatform,
  lines: number,
): Promise<{ readonly alone: EchoLatency; readonly beside: EchoLatency; readonly floodMBperS: number }> => {
  const client = new LoadClient(platform, 2);
  const echo = async (name: string): Promise<EchoLatency> => {
    const command = `sh -c 'for i in $(seq ${lines}); do date +%s%N; sleep ${EVERY_MS / 1_000}; done'`;
    const { uuid } = await submit(client, name, command);
    const latencies = await Array.fromAsync(latenciesOf(platform, uuid));
    if (latencies.length !== lines) throw new Error(`${latencies.length} of ${lines} lines came`);
    return { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), p99: percentile(latencies, 0.99) };
  };
  try {
    const alone = await echo('echo alone');
    const flood = await submit(client, 'flood', 'yes 0123456789012345678901234567890123456789012345678901234567890');
    await running(client, flood.uuid);
    const size = async (): Promise<number> => {
      const path = `/fornax/v1/tasks/${flood.uuid}/instances/0/stdout?offset=0&limit=1`;
      const answer = await fetch(platform.apiUrl + path, { headers: { authorization: platform.token } });
      return Number(answer.headers.get('fornax-total-bytes'));
    };
    await pause(SETTLE_MS);
    const [before, since] = [await size(), performance.now()];
    const beside = await echo('echo beside a flood');
    const floodMBperS = ((await size()) - before) / 1_000 / (performance.now() - since);
    await client.call('POST', `/tasks/${flood.uuid}/abort`);
    return { alone, beside, floodMBperS };
  } finally {
    client.close();
  }
};
