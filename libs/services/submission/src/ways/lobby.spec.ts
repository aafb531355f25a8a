import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { Lobby } from './lobby.js';

const from = (remoteAddress: string) => {
  const socket = { remoteAddress, isDestroyed: false, destroy: () => (socket.isDestroyed = true) };
  // Nothing else of it is asked.
  return socket as unknown as Socket & { isDestroyed: boolean };
};
const goneOf = (sockets: readonly { readonly isDestroyed: boolean }[]) => sockets.map(({ isDestroyed }) => isDestroyed);

describe('connections that have not said what they are for', () => {
  it('are so many of one address, of which the oldest goes, and leave room for others', () => {
    const lobby = new Lobby(10, 2);
    const sockets = ['198.51.100.7', '::ffff:198.51.100.7', '198.51.100.8', '198.51.100.7'].map(from);
    const leave = sockets.map((socket) => lobby.enter(socket));
    expect(goneOf(sockets)).toEqual([true, false, false, false]);
    leave[1]?.();
    leave[1]?.();
    const more = ['198.51.100.7', '198.51.100.7'].map(from);
    for (const socket of more) lobby.enter(socket);
    expect(goneOf([...sockets, ...more])).toEqual([true, false, false, true, false, false]);
    expect(lobby.size).toBe(3);
  });

  it('are counted by the network where whoever has one address has them all', () => {
    const lobby = new Lobby(10, 2);
    const sockets = ['2001:db8::1', '2001:db8:0:0:5::1', '2001:db8:0:1::1', '::1', '2001:db8:0:0:ffff:1:2:3'].map(from);
    for (const socket of sockets) lobby.enter(socket);
    expect(goneOf(sockets)).toEqual([true, false, false, false, false]);
  });

  it('end with the oldest where there are too many of all', () => {
    const lobby = new Lobby(2, 2);
    const sockets = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map(from);
    const leave = sockets.map((socket) => lobby.enter(socket));
    expect(goneOf(sockets)).toEqual([true, false, false]);
    for (const each of leave) each();
    expect(lobby.size).toBe(0);
  });
});
