import type { WebhookCommand, WebhookEvent } from './webhook.events.js';
import { accept, assertNever, reject, type Decider } from '../shared/decider.js';

export type WebhookState = 'none' | 'active' | 'parked' | 'deleted';

const noSuchWebhook = reject('not-found', 'webhook-not-found', 'No such webhook');

/** The webhook aggregate. Rejections: `webhook-exists`, `webhook-not-found`. Parking what is parked and resuming what is active do nothing. */
export const webhookDecider: Decider<WebhookState, WebhookCommand, WebhookEvent> = {
  initial: 'none',
  decide: (state, command) => {
    if (command.type === 'RegisterWebhook') {
      const { type: _, ...facts } = command;
      return state === 'none'
        ? accept<WebhookEvent>({ type: 'WebhookRegistered', ...facts })
        : reject('conflict', 'webhook-exists', 'a webhook with this id was already registered');
    }
    // Whoever delivers may be late: what is gone needs no parking.
    if (command.type === 'ParkWebhook' && state !== 'active') return accept();
    if (state === 'none' || state === 'deleted') return noSuchWebhook;
    const { at } = command;
    switch (command.type) {
      case 'ParkWebhook':
        return accept<WebhookEvent>({ type: 'WebhookParked', reason: command.reason, sequence: command.sequence, at });
      case 'ResumeWebhook':
        return state === 'parked' ? accept<WebhookEvent>({ type: 'WebhookResumed', at }) : accept();
      case 'ReplayWebhook':
        return accept<WebhookEvent>({ type: 'WebhookReplayed', after: command.after, at });
      case 'DeleteWebhook':
        return accept<WebhookEvent>({ type: 'WebhookDeleted', at });
      default:
        return assertNever(command);
    }
  },
  evolve: (_, event) => {
    switch (event.type) {
      case 'WebhookRegistered':
      case 'WebhookResumed':
      case 'WebhookReplayed':
        return 'active';
      case 'WebhookParked':
        return 'parked';
      case 'WebhookDeleted':
        return 'deleted';
      default:
        return assertNever(event);
    }
  },
};
