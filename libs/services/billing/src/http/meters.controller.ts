import { Controller, Get, Res } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { metersQuerySchema, metersSchema, wireDate, type MetersQuery, type WireMeters } from '@fornax/contracts';
import { AccountDirectory, CurrentAccount, type Account } from '@fornax/identity';
import { ZodQuery } from '@fornax/service-kit';
import { MeterReader } from '../queries/meter-reader.js';
import { namesIn, StatementScopes } from '../queries/statement-scopes.js';
import { csvRecord, type NamesOf } from '../queries/wire-statement.js';

interface Reply {
  header(name: string, value: string): Reply;
}
const COLUMNS = ['quantity', 'gb', 'amount', 'nanos', 'rest'] as const;

/** What buckets held and sent out in a period, and what that costs. Everybody sees what is their own, and what they look after. */
@ApiTags('billing')
@Controller('fornax/v1/billing/meters')
export class MetersController {
  private readonly names: NamesOf;

  constructor(
    private readonly meters: MeterReader,
    private readonly scopes: StatementScopes,
    accounts: AccountDirectory,
  ) {
    this.names = namesIn(accounts);
  }

  @Get()
  @ApiOperation({
    summary: 'What buckets held (byte seconds) and sent out (bytes) in a period, by project, user or bucket',
    description: 'With `format=csv` the answer is a file of the rows of the page.',
  })
  @ApiOkResponse({ standardSchema: metersSchema })
  @ApiNotFoundResponse({
    description: 'There is no such account or project, or it is none that the caller looks after',
  })
  async read(
    @CurrentAccount() caller: Account,
    @ZodQuery(metersQuerySchema) query: MetersQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<WireMeters | string> {
    const { groupby, timezone, format, ...page } = query;
    const scope = this.scopes.of(caller, query);
    const found = await this.meters.read(groupby, scope, page, this.names);
    if (format === 'json')
      return {
        ...{ from: wireDate(scope.from), to: wireDate(scope.to), timeZone: timezone, groupBy: groupby },
        ...found,
      };
    reply.header('content-type', 'text/csv; charset=utf-8');
    reply.header('content-disposition', 'attachment; filename="meters.csv"');
    const head = csvRecord([...groupby, 'meter', ...COLUMNS, 'currency']);
    const lines = found.rows.map((row) =>
      csvRecord(
        [...groupby.map((one) => row.by[one] ?? ''), row.meter],
        [...COLUMNS.map((column) => row[column]), found.currency],
      ),
    );
    return head + lines.join('');
  }
}
