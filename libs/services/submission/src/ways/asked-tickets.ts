import { eachLine } from '@fornax/base';
import { MOST_WAY_LINE_CHARS } from '@fornax/contracts';
import type { Socket } from 'node:net';
import type { Tickets } from './tickets.js';

/** Tickets of one connection that nobody has brought yet. */
const MOST_OPEN = 256;

/**
 * Gives a ticket for each line of a connection that asks for one. Where many are out, or answers are not read, it waits: nothing more is read until then, so that whoever asks pays for it.
 * @param take called with the connections that bring them
 */
export const issueAsked = (control: Socket, tickets: Tickets, take: (client: Socket) => void): void => {
  const out = new Set<string>();
  /** Asked for in what was read already: of one chunk at most. */
  let asked = 0;
  const go = (): void => {
    while (asked > 0 && out.size < MOST_OPEN && !control.writableNeedDrain && !control.destroyed) {
      asked -= 1;
      const back = (): void => {
        out.delete(ticket);
        go();
      };
      const ticket: string = tickets.issue((client) => {
        back();
        take(client);
      }, back);
      out.add(ticket);
      control.write(`ticket ${ticket}\n`);
    }
    if (asked > 0) control.pause();
    else control.resume();
  };
  control.on('drain', go);
  control.once('end', () => control.destroy());
  control.once('close', () => {
    asked = 0;
    for (const ticket of out) tickets.revoke(ticket);
  });
  eachLine(control, MOST_WAY_LINE_CHARS, (line) => {
    if (line !== 'connect') return void control.destroy();
    asked += 1;
    go();
  });
};
