import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupError, describeError } from '@fornax/embedded';
import { StreamOffline } from '@fornax/event-store';

interface Server {
  stop(): Promise<void>;
}

export interface OfflineOptions<S extends Server> {
  /** Folder of the server's data, with `store` in it. */
  readonly dataDir: string;
  readonly start: () => Promise<S>;
  /** @throws StreamOffline */
  readonly prepare: (server: S) => Promise<void>;
  /** The consumers that it has, by stream. */
  readonly consumers: (server: S) => Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  readonly say: (line: string) => void;
}

const namesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** What lies of consumers on disk, for each stream in whichever account it is. */
const consumersOnDisk = async (dataDir: string) => {
  const store = join(dataDir, 'store', 'jetstream');
  const found: { readonly stream: string; readonly folder: string; readonly names: readonly string[] }[] = [];
  for (const account of await namesIn(store))
    for (const stream of await namesIn(join(store, account, 'streams'))) {
      const folder = join(store, account, 'streams', stream, 'obs');
      found.push({ stream, folder, names: await namesIn(folder) });
    }
  return found;
};

const setAside = async (dataDir: string, folder: string, name: string): Promise<string> => {
  const aside = join(dataDir, 'set-aside', `${name}-${Date.now()}`);
  await mkdir(join(dataDir, 'set-aside'), { recursive: true, mode: 0o700 });
  await rename(folder, aside);
  return aside;
};

/**
 * A consumer whose numbers the server cannot read is left out by it and cannot be made again, since its folder is there: a node would get no
 * orders for ever. The server does not know the folder, so it may be moved while the server runs.
 */
const setUnknownAside = async <S extends Server>(server: S, options: OfflineOptions<S>): Promise<void> => {
  const { dataDir, consumers, say } = options;
  const before = await consumersOnDisk(dataDir);
  // Asked for afterwards: what was made meanwhile is among them, and what was deleted meanwhile is no longer on disk.
  const known = await consumers(server);
  for (const { stream, folder, names } of before) {
    const left = new Set(await namesIn(folder));
    const unknown = names.filter((name) => left.has(name) && known.get(stream)?.has(name) === false);
    for (const name of unknown) {
      const aside = await setAside(dataDir, join(folder, name), `${stream}-consumer-${name}`);
      say(
        `warning: the NATS server cannot read consumer ${name} of stream ${stream}. It is in ${aside} now and is made again; the messages are all there`,
      );
    }
  }
};

/**
 * Starts a server and makes ready what is needed in it. A stream whose consumers the server cannot read is not served by it at all, at no start
 * (nats-server 2.12 or later; older ones leave the consumer out). Consumers are not the truth, whoever needs one makes it again; so they are put
 * aside, never messages, and the server is started once more.
 * @throws SetupError the server serves a stream at no price; the server is stopped then, as after every other error
 */
export const startServingAll = async <S extends Server>(options: OfflineOptions<S>): Promise<S> => {
  const { dataDir, start, prepare, say } = options;
  for (const mended = new Set<string>(); ;) {
    const server = await start();
    try {
      await prepare(server);
      await setUnknownAside(server, options);
      return server;
    } catch (error) {
      // Nobody knows of this server yet, so nobody else would end it.
      await server.stop();
      if (!(error instanceof StreamOffline)) throw error;
      const { stream } = error;
      const onDisk = (await consumersOnDisk(dataDir)).find((one) => one.stream === stream);
      if (onDisk === undefined || onDisk.names.length === 0 || mended.has(stream))
        throw new SetupError(
          `The NATS folder ${dataDir} is damaged: ${describeError(error)}.\n` +
            '  Put the folder back from a backup of the data folder, then start again (docs/how-to/recover.md).',
        );
      mended.add(stream);
      const aside = await setAside(dataDir, onDisk.folder, `${stream}-consumers`);
      say(
        `warning: ${describeError(error)}. Its consumers are in ${aside} now and are made again; its messages are all there`,
      );
    }
  }
};
