import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { timed } from './statistics.js';

/** Single-task submissions/s over HTTP. Nothing runs them: no node is up. */
export const submissions = async (platform: RunningPlatform, clients: number, count: number): Promise<number> => {
  const client = new LoadClient(platform, clients);
  try {
    await timed(Math.round(count / 2), clients, (index) => client.call('POST', '/tasks', noOp(`warm ${index}`, 1)));
    return count / (await timed(count, clients, (index) => client.call('POST', '/tasks', noOp(`submit ${index}`, 1))));
  } finally {
    client.close();
  }
};

interface Item {
  readonly uuid: string | null;
}

/** Tasks/s submitted by clients that send `size` of them at once. @throws Error one was refused */
export const bulkSubmissions = async (
  platform: RunningPlatform,
  clients: number,
  load: { readonly tasks: number; readonly size: number },
): Promise<number> => {
  const client = new LoadClient(platform, clients);
  const bulk = async (index: number): Promise<void> => {
    const tasks = Array.from({ length: load.size }, (_, item) => noOp(`bulk ${index}.${item}`, 1));
    const answers = await client.call<readonly Item[]>('POST', '/tasks', tasks);
    if (answers.length !== load.size || answers.some(({ uuid }) => uuid === null))
      throw new Error('a task of a bulk was refused');
  };
  const bulks = Math.max(1, Math.round(load.tasks / load.size));
  try {
    await timed(Math.ceil(bulks / 2), clients, bulk);
    return (bulks * load.size) / (await timed(bulks, clients, bulk));
  } finally {
    client.close();
  }
};
