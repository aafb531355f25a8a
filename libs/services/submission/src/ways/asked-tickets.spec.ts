import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { issueAsked } from './asked-tickets.js';
import { Tickets } from './tickets.js';

const LONG_MS = 60_000;
const ends: (() => void)[] = [];

const pair = async (): Promise<{ readonly here: Socket; readonly there: Socket }> => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const there = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const [here] = (await once(server, 'connection')) as [Socket];
  for (const socket of [here, there]) socket.on('error', () => undefined);
  ends.push(
    () => [here, there].forEach((socket) => socket.destroy()),
    () => server.close(),
  );
  return { here, there };
};

const ticketsOf = (there: Socket): readonly string[] => {
  const got: string[] = [];
  createInterface({ input: there }).on('line', (line) => got.push(line.replace(/^ticket /, '')));
  return got;
};

describe('tickets that a connection asks for', () => {
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  it('are so many at once, and go on when one is brought', async () => {
    const { here, there } = await pair();
    const tickets = new Tickets(LONG_MS);
    const brought: Socket[] = [];
    issueAsked(here, tickets, (client) => brought.push(client));
    const got = ticketsOf(there);
    there.write('connect\n'.repeat(1_000));
    await eventually(() => got.length === 256);
    expect(tickets.size).toBe(256);
    for (const ticket of got.slice(0, 10)) expect(tickets.bring(ticket, there)).toBe(true);
    await eventually(() => got.length === 266);
    expect([tickets.size, brought.length]).toEqual([256, 10]);
    there.destroy();
    here.resume();
    await eventually(() => tickets.size === 0);
  });

  it('are not kept for who does not read them', async () => {
    const { here, there } = await pair();
    const tickets = new Tickets(LONG_MS);
    // Each is brought at once, so that no bound of those that are out holds it up.
    const issue = tickets.issue.bind(tickets);
    let issued = 0;
    tickets.issue = (take, late) => {
      const ticket = issue(take, late);
      issued += 1;
      setImmediate(() => tickets.bring(ticket, here));
      return ticket;
    };
    issueAsked(here, tickets, () => undefined);
    there.pause();
    const line = Buffer.from('connect\n'.repeat(8_192));
    let isHeld = false;
    for (let sent = 0; sent < 4_096 && !isHeld; sent += 1)
      if (!there.write(line))
        isHeld = await Promise.race([
          once(there, 'drain').then(() => false),
          eventually(() => here.isPaused() && here.writableNeedDrain, { timeoutMs: 20_000 }).then(() => true),
        ]);
    expect(isHeld).toBe(true);
    expect(here.writableLength).toBeLessThan(1_000_000);
    expect(issued).toBeGreaterThan(0);
  });

  it('are refused in any other words', async () => {
    const { here, there } = await pair();
    issueAsked(here, new Tickets(LONG_MS), () => undefined);
    there.write('GET /\n');
    await once(there.resume(), 'close');
    expect(here.destroyed).toBe(true);
  });
});
