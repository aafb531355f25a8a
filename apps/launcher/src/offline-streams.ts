import { readdir, rename, mkdir } from 'node:fs/promises';
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
  readonly say: (line: string) => void;
}

/** Where the consumers of a stream lie, in whichever account it is. */
const consumersOf = async (dataDir: string, stream: string): Promise<string | undefined> => {
  const store = join(dataDir, 'store', 'jetstream');
  for (const account of await readdir(store).catch(() => [])) {
    const folder = join(store, account, 'streams', stream, 'obs');
    if ((await readdir(folder).catch(() => [])).length > 0) return folder;
  }
  return undefined;
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
      return server;
    } catch (error) {
      // Nobody knows of this server yet, so nobody else would end it.
      await server.stop();
      if (!(error instanceof StreamOffline)) throw error;
      const { stream } = error;
      const consumers = mended.has(stream) ? undefined : await consumersOf(dataDir, stream);
      if (consumers === undefined)
        throw new SetupError(
          `The NATS folder ${dataDir} is damaged: ${describeError(error)}.\n` +
            '  Put the folder back from a backup of the data folder, then start again (docs/how-to/recover.md).',
        );
      mended.add(stream);
      const aside = join(dataDir, 'set-aside', `${stream}-consumers-${Date.now()}`);
      await mkdir(join(dataDir, 'set-aside'), { recursive: true, mode: 0o700 });
      await rename(consumers, aside);
      say(
        `warning: ${describeError(error)}. Its consumers are in ${aside} now and are made again; its messages are all there`,
      );
    }
  }
};
