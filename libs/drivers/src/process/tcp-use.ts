import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Bytes over one connection since it was opened. */
export interface TcpBytes {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** One look serves all instances that are measured in the same moment. */
const FRESH_MS = 400;
const SS_TIMEOUT_MS = 2_000;
const SS_MAX_BYTES = 16 * 1_048_576;
/** Bounds on what one instance can make its node read. */
const MAX_PROCESSES = 512;
const MAX_FILES = 4_096;
const none: ReadonlyMap<string, TcpBytes> = new Map();

/** Output of `ss -tiOneH`: a connection a line, named by the inode of its socket. */
export const readSs = (text: string): ReadonlyMap<string, TcpBytes> => {
  const found = new Map<string, TcpBytes>();
  for (const line of text.split('\n')) {
    const inode = /\bino:(\d+)/.exec(line)?.[1];
    if (inode === undefined || inode === '0') continue;
    const received = /\bbytes_received:(\d+)/.exec(line)?.[1];
    // What was acknowledged has arrived; `bytes_sent` has retransmissions in it.
    const sent = /\bbytes_acked:(\d+)/.exec(line)?.[1];
    found.set(inode, { receivedBytes: Number(received ?? 0), sentBytes: Number(sent ?? 0) });
  }
  return found;
};

/** Inodes of /proc/net/tcp and tcp6, the tenth column. */
export const readTcpInodes = (text: string): readonly string[] =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line) => line.trim().split(/\s+/)[9] ?? []);

/**
 * The TCP connections of this network namespace. The kernel counts bytes for each connection but tells them over netlink only, which
 * Node.js does not speak: `ss` of iproute2 does, and is asked only while somebody has a connection.
 */
export class TcpTable {
  #inodes: { readonly at: number; readonly read: Promise<ReadonlySet<string>> } | undefined;
  #bytes: { readonly at: number; readonly read: Promise<ReadonlyMap<string, TcpBytes>> } | undefined;

  /** @param ss path of the program */
  constructor(private readonly ss: string) {}

  /** The connections among some sockets. */
  async bytesOf(sockets: readonly string[]): Promise<ReadonlyMap<string, TcpBytes>> {
    if (sockets.length === 0) return none;
    const now = performance.now();
    if (!this.#inodes || now - this.#inodes.at > FRESH_MS) this.#inodes = { at: now, read: this.#readInodes() };
    const inodes = await this.#inodes.read;
    const wanted = sockets.filter((socket) => inodes.has(socket));
    if (wanted.length === 0) return none;
    if (!this.#bytes || now - this.#bytes.at > FRESH_MS) this.#bytes = { at: now, read: this.#readBytes() };
    const bytes = await this.#bytes.read;
    return new Map(
      wanted.flatMap((socket) => {
        const found = bytes.get(socket);
        return found ? [[socket, found] as const] : [];
      }),
    );
  }

  async #readInodes(): Promise<ReadonlySet<string>> {
    const texts = await Promise.all(
      ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    return new Set(texts.flatMap(readTcpInodes));
  }

  async #readBytes(): Promise<ReadonlyMap<string, TcpBytes>> {
    try {
      const options = { timeout: SS_TIMEOUT_MS, maxBuffer: SS_MAX_BYTES, env: { LC_ALL: 'C' } };
      return readSs((await run(this.ss, ['-tiOneH'], options)).stdout);
    } catch {
      return none; // too busy to tell: the next look will
    }
  }
}

/** Inodes of the sockets that processes have open. */
const socketsOf = async (pids: readonly number[]): Promise<readonly string[]> => {
  const found = new Set<string>();
  for (const pid of pids.slice(0, MAX_PROCESSES)) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(
      files.slice(0, MAX_FILES).map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')),
    );
    for (const target of targets) {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) found.add(inode);
    }
  }
  return [...found];
};

/**
 * Bytes that the processes of one instance have moved, summed over its connections. What a connection moves after the last look at it, and
 * one that lives between two looks, are not seen.
 */
export class TcpUse {
  #seen: ReadonlyMap<string, TcpBytes> = none;
  #total: TcpBytes = { receivedBytes: 0, sentBytes: 0 };

  constructor(private readonly table: TcpTable) {}

  async measure(pids: readonly number[]): Promise<TcpBytes> {
    const now = await this.table.bytesOf(await socketsOf(pids));
    let { receivedBytes, sentBytes } = this.#total;
    for (const [socket, bytes] of now) {
      const before = this.#seen.get(socket);
      receivedBytes += Math.max(0, bytes.receivedBytes - (before?.receivedBytes ?? 0));
      sentBytes += Math.max(0, bytes.sentBytes - (before?.sentBytes ?? 0));
    }
    this.#seen = now;
    this.#total = { receivedBytes, sentBytes };
    return this.#total;
  }
}
