import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { timed } from './statistics.js';

interface Created {
  readonly uuid: string;
}

/** GETs/s of one task, another one each time. */
export const readOne = async (platform: RunningPlatform, clients: number, count: number): Promise<number> => {
  const client = new LoadClient(platform, clients);
  try {
    const uuids: string[] = [];
    await timed(200, clients, async (index) => {
      uuids.push((await client.call<Created>('POST', '/tasks', noOp(`read ${index}`, 1))).uuid);
    });
    const read = (index: number): Promise<unknown> => client.call('GET', `/tasks/${uuids[index % uuids.length]}`);
    await timed(Math.round(count / 2), clients, read);
    return count / (await timed(count, clients, read));
  } finally {
    client.close();
  }
};

/** Pages/s of 50 summaries, newest first. */
export const readPages = async (platform: RunningPlatform, clients: number, count: number): Promise<number> => {
  const client = new LoadClient(platform, clients);
  const read = (): Promise<unknown> => client.call('POST', '/tasks/summaries/paginate', { maximumResults: 50 });
  try {
    await timed(Math.round(count / 2), clients, read);
    return count / (await timed(count, clients, read));
  } finally {
    client.close();
  }
};
