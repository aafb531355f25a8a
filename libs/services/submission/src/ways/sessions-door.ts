import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { firstLine } from '@fornax/base';
import { MOST_WAY_LINE_CHARS, parseSessionGreeting } from '@fornax/contracts';
import { WAYS_CONFIG, type WaysConfig } from '@fornax/profiles';
import { LOGGER } from '@fornax/service-kit';
import type { Socket } from 'node:net';
import { issueAsked } from './asked-tickets.js';
import { Forward } from './forward.js';
import { Lobby } from './lobby.js';
import { Tickets } from './tickets.js';

const GREETING_MS = 5_000;
const TICKET_MS = 10_000;
/** Connections that have not said what they are for, of all and of one address. */
const MOST_UNGREETED = 1_000;
const MOST_UNGREETED_OF_ONE = 200;

interface Logger {
  warn(fields: object, message: string): void;
}

/** Where people open the connections of their sessions: one port, and a ticket for each. */
@Injectable()
export class SessionsDoor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly tickets = new Tickets(TICKET_MS);
  private door: Forward | undefined;
  private readonly lobby = new Lobby(MOST_UNGREETED, MOST_UNGREETED_OF_ONE);

  constructor(
    @Inject(WAYS_CONFIG) private readonly config: WaysConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.sessions.isOn) return;
    const come = (client: Socket): void => void this.greet(client).catch(() => client.destroy());
    this.door = await Forward.open(this.config, [], come, () => undefined);
    if (!this.door) this.logger.warn({}, 'no port is free for sessions in running instances');
  }

  beforeApplicationShutdown(): void {
    this.door?.close();
    this.tickets.close();
  }

  /** Sessions of one account at once. */
  get mostPerAccount(): number {
    return this.config.sessions.mostPerAccount;
  }

  /** Where people connect to; undefined: there are no sessions here. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.door && { host: this.config.publicHost, port: this.door.publicPort };
  }

  /** @param take called with the connection that brings the ticket @param late called when none has, in ten seconds */
  issue(take: (client: Socket) => void, late?: () => void): string {
    return this.tickets.issue(take, late);
  }

  /** Gives a ticket for each line of a connection that asks for one. @param take called with the connections that bring them */
  issueOn(control: Socket, take: (client: Socket) => void): void {
    issueAsked(control, this.tickets, take);
  }

  /** Nothing of it is believed but a ticket. */
  private async greet(client: Socket): Promise<void> {
    const leave = this.lobby.enter(client);
    const line = await firstLine(client, { mostChars: MOST_WAY_LINE_CHARS, withinMs: GREETING_MS }).finally(leave);
    const ticket = line === undefined ? undefined : parseSessionGreeting(line);
    if (ticket === undefined || !this.tickets.bring(ticket, client)) client.destroy();
  }
}
