import { Injectable } from '@nestjs/common';
import { NotFound } from '@fornax/base';
import type { Account } from '@fornax/identity';
import type { WebhookRow } from './webhook-row.js';
import { WebhookStore } from './webhook-store.js';
import { WebhookTargets } from './webhook-targets.js';
import { webhookView, type WebhookView } from './webhook-view.js';

/** The webhooks of an account, as it may see them. */
@Injectable()
export class OwnWebhooks {
  constructor(
    private readonly store: WebhookStore,
    private readonly targets: WebhookTargets,
  ) {}

  /** @throws NotFound also for somebody else's */
  async find(account: Account, id: string): Promise<WebhookRow> {
    const row = /^[0-9a-f-]{1,64}$/i.test(id) ? await this.store.find(id) : undefined;
    if (row?.owner !== account.id) throw new NotFound(`No such webhook: ${id}`, { code: 'webhook-not-found' });
    return row;
  }

  /** How many it has. */
  async count(account: Account): Promise<number> {
    return (await this.store.ofOwner(account.id)).length;
  }

  /** Oldest first, and how their deliveries go. */
  async list(account: Account): Promise<readonly WebhookView[]> {
    const rows = await this.store.ofOwner(account.id);
    return Promise.all(rows.map((row) => this.view(row)));
  }

  /** @throws NotFound */
  async show(account: Account, id: string): Promise<WebhookView> {
    return this.view(await this.find(account, id));
  }

  /** Forgets how far one that is deleted was delivered. */
  async forget(id: string): Promise<void> {
    await this.store.forget(id);
  }

  private async view(row: WebhookRow): Promise<WebhookView> {
    return webhookView(row, await this.store.delivery(row), this.targets.shown(row));
  }
}
