import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { Lobby } from './lobby.js';

const from = (remoteAddress: string) => {
  const socket = { remoteAddress, isDestroyed: false, destroy: () => (socket.isDestroyed = true) };
  // Nothing else of it is asked.
  return socket as unknown as Socket & { isDestroyed: boolean };
};

describe('connections that have not said what they are for', () => {
  it('are so many of one address, and leave room for others', () => {
    const lobby = new Lobby(10, 2);
    const [first, second] = [lobby.enter(from('198.51.100.7')), lobby.enter(from('::ffff:198.51.100.7'))];
    expect(lobby.enter(from('198.51.100.7'))).toBeUndefined();
    expect(lobby.enter(from('198.51.100.8'))).toBeDefined();
    first?.();
    first?.();
    expect(lobby.enter(from('198.51.100.7'))).toBeDefined();
    expect(lobby.enter(from('198.51.100.7'))).toBeUndefined();
    second?.();
    expect(lobby.size).toBe(2);
  });

  it('are counted by the network where whoever has one address has them all', () => {
    const lobby = new Lobby(10, 2);
    expect(lobby.enter(from('2001:db8::1'))).toBeDefined();
    expect(lobby.enter(from('2001:db8:0:0:5::1'))).toBeDefined();
    expect(lobby.enter(from('2001:db8:0:0:ffff:1:2:3'))).toBeUndefined();
    expect(lobby.enter(from('2001:db8:0:1::1'))).toBeDefined();
    expect(lobby.enter(from('::1'))).toBeDefined();
  });

  it('end with the oldest where there are too many of all', () => {
    const lobby = new Lobby(2, 2);
    const sockets = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map(from);
    const leave = sockets.map((socket) => lobby.enter(socket));
    expect(sockets.map(({ isDestroyed }) => isDestroyed)).toEqual([true, false, false]);
    for (const each of leave) each?.();
    expect(lobby.size).toBe(0);
  });
});
