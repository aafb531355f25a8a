import { Readable } from 'node:stream';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  statementQuerySchema,
  statementSchema,
  wireDate,
  type StatementQuery,
  type WireStatement,
} from '@fornax/contracts';
import { PARTS_PER_MICRO, rounded } from '@fornax/domain';
import { AccountDirectory, CurrentAccount, type Account } from '@fornax/identity';
import { ZodQuery } from '@fornax/service-kit';
import { LedgerReader } from '../queries/ledger-reader.js';
import { StatementReader } from '../queries/statement-reader.js';
import { StatementScopes } from '../queries/statement-scopes.js';
import type { StatementScope } from '../queries/statement-sql.js';
import { csvHead, csvLine, wireRow, wireSums, type NamesOf } from '../queries/wire-statement.js';

/** How long somebody may take to read a statement: it is of one moment, which the database keeps for that long. */
const MOST_STREAM_MS = 300_000;

/** What Fastify's answer is to this controller. */
interface Reply {
  readonly raw: { once(event: 'close', listener: () => void): unknown };
  header(name: string, value: string): Reply;
}

/** What was used in a period and what it costs, by whatever it is divided by. Everybody sees what is their own, and what they look after. */
@ApiTags('billing')
@Controller('fornax/v1/billing/statements')
export class StatementsController {
  private readonly names: NamesOf;

  constructor(
    private readonly statements: StatementReader,
    private readonly ledger: LedgerReader,
    private readonly scopes: StatementScopes,
    accounts: AccountDirectory,
  ) {
    this.names = {
      project: (id) => accounts.project(id)?.name,
      user: (id) => accounts.byId(id)?.email,
    };
  }

  @Get()
  @ApiOperation({
    summary:
      'What was used in a period (from, to, timeZone) by project, user, task, tag, label, plan, node or hardware',
    description: 'With `format=csv` the answer is CSV, streamed, with all rows.',
  })
  @ApiOkResponse({ standardSchema: statementSchema })
  @ApiNotFoundResponse({
    description: 'There is no such account or project, or it is none that the caller looks after',
  })
  async read(
    @CurrentAccount() caller: Account,
    @ZodQuery(statementQuerySchema) query: StatementQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<WireStatement | Readable> {
    const scope = this.scopes.of(caller, query);
    return query.format === 'csv' ? this.csv(query, scope, reply) : this.json(query, scope);
  }

  private async json({ groupby, timezone, ...page }: StatementQuery, scope: StatementScope): Promise<WireStatement> {
    const found = await this.statements.read(groupby, scope, page);
    return {
      from: wireDate(scope.from),
      to: wireDate(scope.to),
      timeZone: timezone,
      through: found.through,
      currency: found.currency,
      groupBy: groupby,
      count: found.count,
      rows: found.groups.map((group) => wireRow(group, groupby, this.names)),
      total: wireSums(found.total, rounded(BigInt(found.total.parts), PARTS_PER_MICRO)),
      unrated: found.unrated,
    };
  }

  private async csv({ groupby }: StatementQuery, scope: StatementScope, reply: Reply): Promise<Readable> {
    const currency = (await this.ledger.priceLists()).at(-1)?.priceList.currency ?? '';
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(MOST_STREAM_MS)]);
    const groups = this.statements.stream(groupby, scope, signal);
    // Nobody may come to take the rows; their connection to the database is given back all the same.
    signal.addEventListener('abort', () => void groups.return(undefined), { once: true });
    // What fails before the first rows is an answer of its own.
    const first = await groups.next();
    const text = async function* (this: StatementsController): AsyncGenerator<string> {
      yield csvHead(groupby);
      for (let part = first; part.done !== true; part = await groups.next())
        yield part.value.map((group) => csvLine(wireRow(group, groupby, this.names), groupby, currency)).join('');
      if (signal.aborted) throw new Error('the statement was not read in time');
    };
    reply.header('content-type', 'text/csv; charset=utf-8');
    reply.header('content-disposition', 'attachment; filename="statement.csv"');
    return Readable.from(text.call(this), { objectMode: false });
  }
}
