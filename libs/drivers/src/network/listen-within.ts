import { spawn } from 'node:child_process';
import { Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { InsideProcess, KnownProcess } from '../process/known-process.js';
import { insideOf, NoneInside } from './way-in.js';

const OPEN_MS = 20_000;
const LOOK_MS = 5;
const COMPLAINT_CHARS = 500;

/** Ports of the loopback of an instance on which its node listens. */
export interface Doors {
  readonly ports: readonly number[];
  /** Called with each connection of the instance, paused. */
  readonly onConnection: (port: number, socket: Socket) => void;
}

/**
 * Listens in the network that it has entered, and hands the sockets to the agent: those belong to that network from then on, and nobody has to stay in it. The loopback may not be up yet
 * when it comes.
 */
const LISTENER = `
const { createServer } = require('node:net');
const until = performance.now() + ${OPEN_MS};
const open = (port) => new Promise((resolve, reject) => {
  const server = createServer().listen({ port, host: '127.0.0.1', backlog: 128 }, () => resolve(server));
  server.once('error', (error) => {
    if (error.code !== 'EADDRNOTAVAIL' || performance.now() > until) reject(error);
    else setTimeout(() => open(port).then(resolve, reject), ${LOOK_MS});
  });
});
const hand = (port, server) => new Promise((resolve, reject) =>
  process.send(port, server, (error) => (error ? reject(error) : resolve())));
(async () => {
  for (const port of process.argv.slice(1).map(Number)) await hand(port, await open(port));
  process.disconnect();
  process.exit(0);
})().catch((error) => {
  process.stderr.write(String(error.message), () => process.exit(1));
});
`;

/** The first process inside of an instance, as soon as there is one. @throws Error there is none in time */
const insideSoon = async (child: KnownProcess): Promise<InsideProcess> => {
  const until = performance.now() + OPEN_MS;
  for (;;) {
    try {
      return await insideOf(child);
    } catch (error) {
      // Only that there is none may be otherwise a moment later.
      if (!(error instanceof NoneInside) || child.isOver() || performance.now() > until) throw error;
      await sleep(LOOK_MS);
    }
  }
};

/** @throws Error the network cannot be entered, or a port is taken */
const serversIn = (init: string, inside: InsideProcess, { ports, onConnection }: Doors): Promise<readonly Server[]> =>
  new Promise((resolve, reject) => {
    const enter = ['--enter-network', String(inside.pid), inside.namespace];
    const child = spawn(init, [...enter, '--then', process.execPath, '-e', LISTENER, ...ports.map(String)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {},
      cwd: '/',
      detached: true,
    });
    const servers: Server[] = [];
    let complaint = '';
    const deadline = setTimeout(() => child.kill('SIGKILL'), OPEN_MS);
    child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-COMPLAINT_CHARS)));
    child.on('message', (port, server) => {
      if (!(server instanceof Server)) return;
      // Both ends of a connection end for themselves.
      Object.assign(server, { allowHalfOpen: true, pauseOnConnect: true });
      server.on('connection', (socket: Socket) => onConnection(Number(port), socket));
      servers.push(server);
    });
    const settle = (failure?: Error): void => {
      clearTimeout(deadline);
      if (failure === undefined && servers.length === ports.length) return resolve(servers);
      for (const server of servers) server.close();
      reject(failure ?? new Error(`no ports could be opened in the instance: ${complaint.trim()}`));
    };
    child.once('error', settle);
    child.once('close', () => settle());
  });

/** Opens doors in a sandbox whose command has not begun. @param child its first process as the agent knows it @returns closes them @throws Error it has no network of its own, say */
export const listenWithin = async (init: string, child: KnownProcess, doors: Doors): Promise<() => void> => {
  const inside = await insideSoon(child);
  try {
    const servers = await serversIn(init, inside, doors);
    return () => {
      for (const server of servers) server.close();
    };
  } finally {
    await inside.hold.close();
  }
};
