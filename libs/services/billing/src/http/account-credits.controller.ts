import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { newId, NotFound } from '@fornax/base';
import {
  creditBookingSchema,
  creditsOfAccountSchema,
  type CreditBookingRequest,
  type WireCreditsOfAccount,
} from '@fornax/contracts';
import {
  AccountDirectory,
  CurrentAccount,
  CurrentContext,
  OperatorOnly,
  userMeta,
  type Account,
  type RequestContext,
} from '@fornax/identity';
import { ZodBody } from '@fornax/service-kit';
import { SpendingReader } from '../queries/spending-reader.js';
import { wireCredits } from '../queries/wire-spending.js';
import { SpendingCommands } from '../spending/spending-commands.js';

/** Credits of accounts: operators book, and everybody reads what was booked on its own. `:account` is an id, an e-mail or `me`. */
@ApiTags('credits')
@Controller('fornax/v1/billing/accounts/:account/credits')
export class AccountCreditsController {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly spending: SpendingReader,
    private readonly commands: SpendingCommands,
  ) {}

  @Get()
  @ApiOperation({ summary: 'What was granted, charged and adjusted, and what is left' })
  @ApiOkResponse({ standardSchema: creditsOfAccountSchema })
  @ApiNotFoundResponse({ description: 'There is no such account, or it is nobody that the caller looks after' })
  async read(@CurrentAccount() caller: Account, @Param('account') name: string): Promise<WireCreditsOfAccount> {
    const { id } = this.find(caller, name);
    return wireCredits(id, await this.spending.credits(id));
  }

  @OperatorOnly()
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Grant, charge or adjust credits; from its first grant on an account is held to what it has',
  })
  @ApiOkResponse({ standardSchema: creditsOfAccountSchema })
  async book(
    @Param('account') name: string,
    @ZodBody(creditBookingSchema) { kind, amount, note, id: entryId = newId() }: CreditBookingRequest,
    @CurrentContext() context: RequestContext,
  ): Promise<WireCreditsOfAccount> {
    const { id } = this.find(context.account, name);
    const { consumedMicros } = await this.spending.credits(id);
    await this.commands.credits(
      id,
      { type: 'BookCredits', kind, accountId: id, entryId, micros: amount, note, consumedMicros },
      userMeta('billing', context, { kind: 'user', id }),
    );
    return wireCredits(id, await this.spending.credits(id));
  }

  private find(caller: Account, name: string): Account {
    const found = name === 'me' ? caller : this.accounts.find(name);
    if (!found || !this.accounts.reaches(caller, found.id, 'look'))
      throw new NotFound(`No such account: ${name}`, { code: 'account-not-found' });
    return found;
  }
}
