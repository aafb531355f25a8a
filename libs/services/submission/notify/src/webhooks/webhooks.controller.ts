import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { WebhookFilter } from '@fornax/domain';
import { Idempotent, ZodBody } from '@fornax/service-kit';
import { type Account, CurrentAccount, userMeta, CurrentContext, type RequestContext } from '@fornax/identity';
import { Forbidden, newId, ValidationFailed } from '@fornax/base';
import { z } from 'zod';
import { KnownTasks } from '@fornax/tasks';
import { checkedTypes } from '../feed/event-filter.js';
import { LogPlaces } from './log-places.js';
import { newWebhookSecret } from './signature.js';
import { OwnWebhooks } from './own-webhooks.js';
import { WebhookCommands, type TimelessWebhookCommand } from './webhook-commands.js';
import { WebhookTargets } from './webhook-targets.js';
import {
  createdWebhookSchema,
  newWebhookSchema,
  replaySchema,
  testResultSchema,
  webhookSchema,
  type WebhookView,
} from './webhook-view.js';

const MOST_WEBHOOKS = 50;
type NewWebhook = z.output<typeof newWebhookSchema>;

/** Routes of webhooks, to which events of an account's tasks are sent. */
@ApiTags('history')
@Controller('fornax/v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly commands: WebhookCommands,
    private readonly own: OwnWebhooks,
    private readonly targets: WebhookTargets,
    private readonly places: LogPlaces,
    private readonly tasks: KnownTasks,
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
    const problem = this.targets.problemWith(body.url);
    if (problem !== undefined) throw new ValidationFailed({ url: [problem] });
    if ((await this.own.count(context.account)) >= MOST_WEBHOOKS)
      throw new Forbidden(`This account has ${MOST_WEBHOOKS} webhooks already`, { code: 'too-many-webhooks' });
    const filter = await this.filterOf(context.account, body);
    const after = await this.places.before(body.from);
    const webhookId = newId();
    const secret = newWebhookSecret();
    const command: TimelessWebhookCommand = {
      type: 'RegisterWebhook',
      webhookId,
      owner: context.account.id,
      name: body.name ?? '',
      host: new URL(body.url).host,
      ...this.targets.sealed(body.url, secret),
      filter,
      after,
    };
    await this.commands.decide(webhookId, command, userMeta('submission', context));
    return { ...(await this.own.show(context.account, webhookId)), secret };
  }

  @Get()
  @ApiOperation({ summary: 'The webhooks of the account, oldest first, and how their deliveries go' })
  @ApiOkResponse({ standardSchema: z.array(webhookSchema) })
  list(@CurrentAccount() account: Account): Promise<readonly WebhookView[]> {
    return this.own.list(account);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One webhook' })
  @ApiOkResponse({ standardSchema: webhookSchema })
  read(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WebhookView> {
    return this.own.show(account, id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a webhook; nothing is sent any more' })
  async delete(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.change(id, context, { type: 'DeleteWebhook' });
    await this.own.forget(id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: true })
  @ApiOperation({ summary: 'Go on with a parked webhook where it stopped' })
  @ApiOkResponse({ standardSchema: webhookSchema })
  async resume(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<WebhookView> {
    await this.change(id, context, { type: 'ResumeWebhook' });
    return this.own.show(context.account, id);
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
    await this.own.find(context.account, id);
    const after = await this.places.before(body.from);
    await this.change(id, context, { type: 'ReplayWebhook', after });
    return this.own.show(context.account, id);
  }

  @Post(':id/test')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send one signed message of the type WebhookTest now, once, and tell whether it was taken' })
  @ApiOkResponse({ standardSchema: testResultSchema })
  async test(@Param('id') id: string, @CurrentAccount() account: Account): Promise<z.output<typeof testResultSchema>> {
    return this.targets.test(await this.own.find(account, id));
  }

  private async change(id: string, context: RequestContext, command: TimelessWebhookCommand): Promise<void> {
    await this.own.find(context.account, id);
    await this.commands.decide(id, command, userMeta('submission', context));
  }

  private async filterOf(account: Account, { tasks, types }: NewWebhook): Promise<WebhookFilter> {
    const known = await Promise.all((tasks ?? []).map((task) => this.tasks.find(account, task)));
    const others = known.find(({ owner }) => owner !== account.id);
    if (others) throw new Forbidden(`Only its owner is told about task ${others.id}`, { code: 'not-the-owner' });
    const ids = known.map((task) => task.id);
    return { tasks: ids.length === 0 ? null : ids, types: checkedTypes(types ?? []) };
  }
}
