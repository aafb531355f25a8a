import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNats } from '@fornax/event-store';
import type { Testbed } from './testbed.js';

/** Tells once. Whoever waits for it stops it. */
export interface Sight {
  readonly seen: Promise<void>;
  stop(): Promise<void>;
}

/** A connection of whoever may do all, on the account of the log. */
export const operatorOn = async ({ dataDir }: Pick<Testbed, 'dataDir'>) => {
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(dataDir, name), 'utf8'));
  const { nats } = (await read('runtime.json')) as { readonly nats: { readonly url: string } };
  const user = 'service/operator';
  const password = ((await read('secrets/nats.json')) as Readonly<Record<string, string>>)[user] ?? '';
  return connectNats({ url: nats.url, user, password, name: 'observer' });
};

/** The n-th message on a subject, as whoever may see all hears it: it is on its way, and nobody was told yet that it is stored. */
export const heardOn = async (bed: Pick<Testbed, 'dataDir'>, subject: string, count = 1): Promise<Sight> => {
  const connection = await operatorOn(bed);
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  connection.subscribe(subject, { max: count, callback: () => void ((left -= 1) === 0 && resolve()) });
  await connection.flush();
  return { seen: promise, stop: () => connection.close() };
};
