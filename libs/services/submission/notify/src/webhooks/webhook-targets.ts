import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId } from '@fornax/base';
import { Sealer } from '@fornax/identity';
import { CLOCK } from '@fornax/service-kit';
import type { z } from 'zod';
import type { WebhookRow } from './webhook-row.js';
import { WebhookSender } from './webhook-sender.js';
import type { testResultSchema } from './webhook-view.js';

/** In the place of an address that was sealed with a master key that is lost. */
const SEALED = '[SEALED WITH A LOST KEY]';

/** What is known of a receiver at once: whether it may be one, its address and secret sealed and shown, and whether it takes a message. */
@Injectable()
export class WebhookTargets {
  constructor(
    private readonly sender: WebhookSender,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Why nothing may be sent to a URL; undefined when it may. */
  problemWith(url: string): string | undefined {
    return this.sender.problemWith(url);
  }

  /** The address and the secret as they are kept. */
  sealed(url: string, secret: string): { readonly sealedUrl: string; readonly sealedSecret: string } {
    return { sealedUrl: this.sealer.sealWithMaster(url), sealedSecret: this.sealer.sealWithMaster(secret) };
  }

  /** The address as its owner is shown it. */
  shown({ sealedUrl }: WebhookRow): string {
    return this.sealer.opened(sealedUrl) ?? SEALED;
  }

  /** Sends one signed message of the type WebhookTest now, once. */
  async test({ webhookId, sealedUrl, sealedSecret }: WebhookRow): Promise<z.output<typeof testResultSchema>> {
    const timestamp = new Date(this.clock.now()).toISOString();
    const body = JSON.stringify({ type: 'WebhookTest', timestamp, data: { webhookId } });
    const startedAt = performance.now();
    const [url, secret] = [this.sealer.openWithMaster(sealedUrl), this.sealer.openWithMaster(sealedSecret)];
    const result = await this.sender.send(url, secret, { id: `test_${newId()}`, body });
    const durationMs = Math.round(performance.now() - startedAt);
    return { ok: result.ok, status: result.status, error: result.ok ? null : result.error, durationMs };
  }
}
