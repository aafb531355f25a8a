import { Controller, Get, Inject, Param, Res } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { ValidationFailed, type Clock } from '@fornax/base';
import { monthSchema, timeZoneSchema, wireDate, type StatementDimension } from '@fornax/contracts';
import { PARTS_PER_MICRO, rounded, startOfDay } from '@fornax/domain';
import { AccountDirectory, CurrentAccount, type Account } from '@fornax/identity';
import { CLOCK, ZodParam, ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { INVOICE_POLICY, invoicePage } from '../exports/invoice-page.js';
import { StatementProofs } from '../queries/statement-proofs.js';
import { StatementReader } from '../queries/statement-reader.js';
import { monthAround, namesIn, StatementScopes } from '../queries/statement-scopes.js';
import { wireRow, wireSums, type NamesOf } from '../queries/wire-statement.js';

const invoiceQuerySchema = z.object({ timezone: timeZoneSchema });
const DIMENSIONS: readonly StatementDimension[] = ['user', 'plan', 'hardware'];
/** Rows of a page that is still printed; who has more asks for a statement. */
const MOST_ROWS = 10_000;

interface Reply {
  header(name: string, value: string): Reply;
}

/** What a project used in a month, as a page to print. Everybody sees what is their own, and what they look after. */
@ApiTags('billing')
@Controller('fornax/v1/billing/invoices')
export class InvoicesController {
  private readonly names: NamesOf;

  constructor(
    private readonly statements: StatementReader,
    private readonly scopes: StatementScopes,
    private readonly proofs: StatementProofs,
    accounts: AccountDirectory,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.names = namesIn(accounts);
  }

  @Get(':project/:month')
  @ApiOperation({ summary: 'What a project used in a month (YYYY-MM, of a time zone), as a page to print' })
  @ApiProduces('text/html')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiNotFoundResponse({ description: 'There is no such project, or it is none that the caller looks after' })
  async read(
    @CurrentAccount() caller: Account,
    @Param('project') id: string,
    @ZodParam('month', monthSchema) month: string,
    @ZodQuery(invoiceQuerySchema) { timezone }: z.output<typeof invoiceQuerySchema>,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<string> {
    const project = this.scopes.project(caller, id);
    const whole = monthAround(startOfDay(`${month}-01`, timezone), timezone);
    const now = this.clock.now();
    if (whole.from > now) throw new ValidationFailed({ month: ['The month must have begun.'] });
    const owners = this.scopes.ownersFor(caller, undefined);
    const scope = { from: whole.from, to: Math.min(whole.to, now), owners, project: project.id };
    const found = await this.statements.read(DIMENSIONS, scope, { offset: 0, limit: MOST_ROWS });
    if (found.count > MOST_ROWS)
      throw new ValidationFailed({ month: [`The invoice has ${found.count} rows: ask for a statement.`] });
    const statement = {
      ...{ from: wireDate(scope.from), to: wireDate(scope.to), timeZone: timezone, groupBy: DIMENSIONS },
      ...{ through: found.through, currency: found.currency, count: found.count, unrated: found.unrated, offset: 0 },
      ...{ isFinal: found.isFinal, accounts: owners ?? null, project: project.id, proof: await this.proofs.of(found) },
      meters: found.meters,
      rows: found.groups.map((group) => wireRow(group, DIMENSIONS, this.names)),
      total: wireSums(found.total, rounded(BigInt(found.total.parts), PARTS_PER_MICRO)),
    };
    reply.header('content-type', 'text/html; charset=utf-8');
    reply.header('content-security-policy', INVOICE_POLICY);
    reply.header('x-content-type-options', 'nosniff');
    return invoicePage({
      ...{ project, month, end: wireDate(whole.to), isOver: whole.to <= now, statement },
      isWhole: this.scopes.seesAllOf(caller, project),
    });
  }
}
