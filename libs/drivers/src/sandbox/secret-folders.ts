import { chmodSync, chownSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { dirname, join } from 'node:path';

import type { SecretFile } from '../driver/driver.js';
import { assertOwn } from './own-folders.js';
import { roomOf, SecretRoom } from './secret-room.js';
import type { Owner } from './user-ids.js';

/** A file system in memory, on every Linux. */
const SHARED_MEMORY = '/dev/shm';
const TMPFS = 0x01_02_19_94;
/** The socket that an instance asks for secrets through, in the folder of its secrets. */
export const SECRETS_SOCKET = '.fornax.sock';
/** Connections to one such socket at a time: each takes a file of the agent. */
const MOST_CONNECTIONS = 16;

/**
 * Folders in memory for secrets, one for each instance, which no disk ever sees. An instance reads its own; where it has a user of its own, nobody else but
 * root does. What an agent that was killed left there, the next one removes.
 */
export class SecretFolders {
  private readonly doors = new Map<string, SecretDoor>();

  private constructor(
    readonly root: string,
    private readonly room: SecretRoom,
  ) {}

  /** @param name of the agent on this machine @param mostBytes that all instances may have together @returns undefined where there is no memory for files here */
  static async open(name: string, mostBytes = Number.POSITIVE_INFINITY): Promise<SecretFolders | undefined> {
    const facts = await statfs(SHARED_MEMORY).catch(() => undefined);
    if (facts?.type !== TMPFS) return undefined;
    const root = join(SHARED_MEMORY, `fornax-${name}`);
    await mkdir(root, { mode: 0o711 }).catch(() => undefined);
    await assertOwn(root);
    await Promise.all((await readdir(root)).map((left) => rm(join(root, left), { recursive: true, force: true })));
    // One without a bound is as large as all memory.
    const half = facts.blocks === 0 ? Number.POSITIVE_INFINITY : (facts.blocks * facts.bsize) / 2;
    return new SecretFolders(root, new SecretRoom(Math.min(mostBytes, half)));
  }

  folderOf(id: string): string {
    return join(this.root, id);
  }

  async make(id: string, owner: Owner | undefined): Promise<void> {
    await makeFolder(this.folderOf(id), owner);
  }

  /** Puts files there that their instance alone may read (mode 0400), in the place of earlier ones of the same names. The name of the socket is no file's. */
  async put(id: string, all: readonly SecretFile[], owner: Owner | undefined, signal?: AbortSignal): Promise<void> {
    const files = all.filter(({ path }) => path.split('/')[0] !== SECRETS_SOCKET);
    await this.room.take(id, roomOf(files), signal);
    const root = this.folderOf(id);
    const folders = new Set<string>();
    for (const { path } of files)
      for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(join(root, at));
    for (const folder of [...folders].sort((a, b) => a.length - b.length)) await makeFolder(folder, owner);
    for (const { path, content } of files) {
      const file = join(root, path);
      await rm(file, { force: true });
      await writeFile(file, content, { mode: 0o400, flag: 'wx' });
      if (owner) await chown(file, owner.uid, owner.gid);
    }
  }

  /** Lets a server listen on the socket of an instance, which alone may connect to it. */
  async listen(id: string, server: Server, owner: Owner | undefined): Promise<void> {
    const door = new SecretDoor(server);
    this.doors.set(id, door);
    await door.open(join(this.folderOf(id), SECRETS_SOCKET), owner);
  }

  async remove(id: string): Promise<void> {
    this.shut(id);
    await rm(this.folderOf(id), { recursive: true, force: true });
    this.room.give(id);
  }

  private shut(id: string): void {
    this.doors.get(id)?.close();
    this.doors.delete(id);
  }

  async close(): Promise<void> {
    for (const id of this.doors.keys()) this.shut(id);
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A server on the socket of one instance. */
class SecretDoor {
  private readonly connections = new Set<Socket>();

  constructor(private readonly server: Server) {
    server.maxConnections = MOST_CONNECTIONS;
    server.on('connection', (connection: Socket) => {
      this.connections.add(connection);
      connection.once('close', () => this.connections.delete(connection));
    });
  }

  async open(path: string, owner: Owner | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    await chmod(path, 0o600);
    if (owner) await chown(path, owner.uid, owner.gid);
  }

  /** Whoever is connected is cut off: nothing is told to an instance that is over. */
  close(): void {
    this.server.close();
    for (const connection of this.connections) connection.destroy();
  }
}

/** A folder that its instance may enter and not change: whoever owns one could put a link in the place of what is written there later. */
const makeFolder = async (folder: string, owner: Owner | undefined): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!owner) return;
  chownSync(folder, 0, owner.gid);
  chmodSync(folder, 0o750);
};
