import { Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { WebhookCommand, WebhookFilter } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, Idempotent, ZodBody } from '@fornax/service-kit';
import { type Account, CurrentAccount, userMeta, Sealer, CurrentContext, type RequestContext } from '@fornax/identity';
import { type Clock, Forbidden, newId, NotFound, ValidationFailed } from '@fornax/base';
import { z } from 'zod';
import { KnownTasks } from '@fornax/tasks';
import { checkedTypes } from '../feed/event-filter.js';
import { LogPlaces } from './log-places.js';
import { newWebhookSecret } from './signature.js';
import { WebhookCommands } from './webhook-commands.js';
import type { WebhookRow } from './webhook-row.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore } from './webhook-store.js';
import {
  createdWebhookSchema,
  newWebhookSchema,
  replaySchema,
  testResultSchema,
  webhookSchema,
  webhookView,
  type WebhookView,
} from './webhook-view.js';

const MOST_WEBHOOKS = 50;
/** In the place of an address that was sealed with a master key that is lost. */
const SEALED = '[SEALED WITH A LOST KEY]';
type NewWebhook = z.output<typeof newWebhookSchema>;

/** Where an account is told what happens to its tasks. */
@ApiTags('history')
@Controller('fornax/v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly commands: WebhookCommands,
    private readonly store: WebhookStore,
    private readonly sender: WebhookSender,
    private readonly tasks: KnownTasks,
    private readonly places: LogPlaces,
    private readonly sealer: Sealer,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: false, isShownOnce: true })
  @ApiOperation({ summary: 'Register a webhook; the answer is the only one that shows its signing secret' })
  @ApiOkResponse({ standardSchema: createdWebhookSchema })
  async register(
    @ZodBody(newWebhookSchema) body: NewWebhook,
    @CurrentContext() context: RequestContext,
  ): Promise<WebhookView & { readonly secret: string }> {
    const problem = this.sender.problemWith(body.url);
    if (problem !== undefined) throw new ValidationFailed({ url: [problem] });
    if ((await this.store.ofOwner(context.account.id)).length >= MOST_WEBHOOKS)
      throw new Forbidden(`This account has ${MOST_WEBHOOKS} webhooks already`, { code: 'too-many-webhooks' });
    const filter = await this.filterOf(context.account, body);
    const after = body.from === undefined ? (await this.log.head()).sequence : await this.places.before(body.from);
    const webhookId = newId();
    const secret = newWebhookSecret();
    const command: WebhookCommand = {
      type: 'RegisterWebhook',
      webhookId,
      owner: context.account.id,
      name: body.name ?? '',
      host: new URL(body.url).host,
      sealedUrl: this.sealer.sealWithMaster(body.url),
      sealedSecret: this.sealer.sealWithMaster(secret),
      filter,
      after,
      at: this.clock.now(),
    };
    await this.commands.decide(webhookId, command, userMeta('submission', context));
    return { ...(await this.view(await this.find(context.account, webhookId))), secret };
  }

  @Get()
  @ApiOperation({ summary: 'The webhooks of the account, oldest first, and how their deliveries go' })
  @ApiOkResponse({ standardSchema: z.array(webhookSchema) })
  async list(@CurrentAccount() account: Account): Promise<readonly WebhookView[]> {
    const rows = await this.store.ofOwner(account.id);
    return Promise.all(rows.map((row) => this.view(row)));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One webhook' })
  @ApiOkResponse({ standardSchema: webhookSchema })
  async read(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WebhookView> {
    return this.view(await this.find(account, id));
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a webhook; nothing is sent any more' })
  async delete(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.change(id, context, { type: 'DeleteWebhook', at: this.clock.now() });
    await this.store.forget(id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: true })
  @ApiOperation({ summary: 'Go on with a parked webhook where it stopped' })
  @ApiOkResponse({ standardSchema: webhookSchema })
  async resume(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<WebhookView> {
    await this.change(id, context, { type: 'ResumeWebhook', at: this.clock.now() });
    return this.view(await this.find(context.account, id));
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: false })
  @ApiOperation({
    summary: 'Send everything again from a sequence of the log or an instant on; a parked webhook goes on, too',
  })
  @ApiOkResponse({ standardSchema: webhookSchema })
  async replay(
    @Param('id') id: string,
    @ZodBody(replaySchema) body: z.output<typeof replaySchema>,
    @CurrentContext() context: RequestContext,
  ): Promise<WebhookView> {
    await this.find(context.account, id);
    const after = await this.places.before(body.from);
    await this.change(id, context, { type: 'ReplayWebhook', after, at: this.clock.now() });
    return this.view(await this.find(context.account, id));
  }

  @Post(':id/test')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send one signed message of the type WebhookTest now, once, and tell whether it was taken' })
  @ApiOkResponse({ standardSchema: testResultSchema })
  async test(@Param('id') id: string, @CurrentAccount() account: Account): Promise<z.output<typeof testResultSchema>> {
    const row = await this.find(account, id);
    const timestamp = new Date(this.clock.now()).toISOString();
    const body = JSON.stringify({ type: 'WebhookTest', timestamp, data: { webhookId: id } });
    const startedAt = performance.now();
    const [url, secret] = [this.sealer.openWithMaster(row.sealedUrl), this.sealer.openWithMaster(row.sealedSecret)];
    const result = await this.sender.send(url, secret, { id: `test_${newId()}`, body });
    const durationMs = Math.round(performance.now() - startedAt);
    return { ok: result.ok, status: result.status, error: result.ok ? null : result.error, durationMs };
  }

  private async change(id: string, context: RequestContext, command: WebhookCommand): Promise<void> {
    await this.find(context.account, id);
    await this.commands.decide(id, command, userMeta('submission', context));
  }

  private async filterOf(account: Account, { tasks, types }: NewWebhook): Promise<WebhookFilter> {
    const known = await Promise.all((tasks ?? []).map((task) => this.tasks.find(account, task)));
    const others = known.find(({ owner }) => owner !== account.id);
    if (others) throw new Forbidden(`Only its owner is told about task ${others.taskId}`, { code: 'not-the-owner' });
    const ids = known.map(({ taskId }) => taskId);
    return { tasks: ids.length === 0 ? null : ids, types: checkedTypes(types ?? []) };
  }

  /** @throws NotFound also for somebody else's */
  private async find(account: Account, id: string): Promise<WebhookRow> {
    const row = /^[0-9a-f-]{1,64}$/i.test(id) ? await this.store.find(id) : undefined;
    if (row?.owner !== account.id) throw new NotFound(`No such webhook: ${id}`, { code: 'webhook-not-found' });
    return row;
  }

  private async view(row: WebhookRow): Promise<WebhookView> {
    return webhookView(row, await this.store.delivery(row), this.sealer.opened(row.sealedUrl) ?? SEALED);
  }
}
