import { Readable } from 'node:stream';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ValidationFailed } from '@fornax/base';
import {
  statementQuerySchema,
  statementSchema,
  wireDate,
  type StatementDimension,
  type StatementQuery,
  logProofText,
  type WireLogProof,
  type WireStatement,
} from '@fornax/contracts';
import { dayIn, PARTS_PER_MICRO, rounded } from '@fornax/domain';
import { AccountDirectory, CurrentAccount, type Account } from '@fornax/identity';
import { ZodQuery } from '@fornax/service-kit';
import { FOCUS_DIMENSIONS, focusHead, focusRow } from '../exports/focus.js';
import { statementParquet } from '../exports/statement-parquet.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { StatementProofs } from '../queries/statement-proofs.js';
import { StatementReader, type StatementFacts, type StatementGroup } from '../queries/statement-reader.js';
import { monthAround, namesIn, StatementScopes } from '../queries/statement-scopes.js';
import type { SqlDimension, StatementScope } from '../queries/statement-sql.js';
import { csvHead, csvLine, wireRow, wireSums, type NamesOf } from '../queries/wire-statement.js';

/** How long somebody may take to read a statement: it is of one moment, which the database keeps for that long. */
const MOST_STREAM_MS = 300_000;

/** What Fastify's answer is to this controller. */
interface Reply {
  readonly raw: { readonly destroyed: boolean; once(event: 'close', listener: () => void): unknown };
  header(name: string, value: string): Reply;
}

/** How groups become a file. */
interface FileFormat {
  readonly type: string;
  readonly name: string;
  readonly dimensions: readonly SqlDimension[];
  readonly pieces: (
    groups: AsyncIterable<readonly StatementGroup[]>,
    proof: WireLogProof,
  ) => AsyncIterable<string | Buffer>;
}

/** What proves the range of the log that a file was folded from: CSV has no place for it. */
const PROOF_HEADER = 'fornax-log-proof';
const CSV = 'text/csv; charset=utf-8';
const inSeconds = (at: number): string => `${new Date(at).toISOString().slice(0, 'YYYY-MM-DDTHH:mm:ss'.length)}Z`;

/** What was used in a period and what it costs, by whatever it is divided by. Everybody sees what is their own, and what they look after. */
@ApiTags('billing')
@Controller('fornax/v1/billing/statements')
export class StatementsController {
  private readonly names: NamesOf;

  constructor(
    private readonly statements: StatementReader,
    private readonly ledger: LedgerReader,
    private readonly scopes: StatementScopes,
    private readonly proofs: StatementProofs,
    accounts: AccountDirectory,
  ) {
    this.names = namesIn(accounts);
  }

  @Get()
  @ApiOperation({
    summary:
      'What was used in a period (from, to, timeZone) by project, user, task, tag, label, plan, node or hardware',
    description:
      'With `format=csv` or `parquet` the answer is a file, streamed, with all rows; with `format=focus` it is CSV of the FinOps Open Cost and Usage Specification 1.2, of one month at most and by task, whatever `groupBy` says. Its header `Fornax-Log-Proof` is the proof as one word. With `through` it is as of a commit of the log.',
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
    if (query.format === 'json') return this.json(caller, query, scope);
    const currency = (await this.ledger.priceLists()).at(-1)?.priceList.currency ?? '';
    return this.file(this.formatOf(query, scope, currency), { ...scope, reader: caller.id }, reply);
  }

  private async json(
    caller: Account,
    { groupby, timezone, ...page }: StatementQuery,
    scope: StatementScope,
  ): Promise<WireStatement> {
    const found = await this.statements.read(groupby, scope, page);
    const linesOf = await this.linesOf(caller, groupby, found.groups);
    return {
      from: wireDate(scope.from),
      to: wireDate(scope.to),
      timeZone: timezone,
      through: found.through,
      isFinal: found.isFinal,
      accounts: scope.owners ?? null,
      project: scope.project ?? null,
      proof: await this.proofs.of(found),
      currency: found.currency,
      groupBy: groupby,
      offset: page.offset,
      count: found.count,
      rows: found.groups.map((group) => wireRow(group, groupby, this.names, linesOf(group))),
      total: wireSums(found.total, rounded(BigInt(found.total.parts), PARTS_PER_MICRO)),
      unrated: found.unrated,
      meters: found.meters,
    };
  }

  /** Where the lines are of groups that are of one task or pool. */
  private async linesOf(
    caller: Account,
    groupBy: readonly StatementDimension[],
    groups: readonly StatementGroup[],
  ): Promise<(group: StatementGroup) => string | null> {
    const task = groupBy.indexOf('task');
    if (task === -1) return () => null;
    const terms = await this.ledger.termsOf(groups.flatMap(({ keys }) => keys[task] ?? []));
    return ({ keys }) => {
      const found = terms.get(keys[task] ?? '');
      return found && this.scopes.shows(caller, found.owner, found.projectUuid)
        ? `/fornax/v1/billing/${found.kind}s/${encodeURIComponent(found.id)}/lines`
        : null;
    };
  }

  /** @throws ValidationFailed */
  private formatOf({ format, groupby, timezone }: StatementQuery, scope: StatementScope, currency: string): FileFormat {
    const { names } = this;
    if (format === 'parquet')
      return {
        type: 'application/vnd.apache.parquet',
        name: 'statement.parquet',
        dimensions: groupby,
        pieces: (groups, proof) => statementParquet(groups, groupby, { names, currency, proof }),
      };
    if (format === 'focus') return this.focus(timezone, scope, currency);
    const pieces = async function* (groups: AsyncIterable<readonly StatementGroup[]>): AsyncGenerator<string> {
      yield csvHead(groupby);
      for await (const part of groups)
        yield part.map((group) => csvLine(wireRow(group, groupby, names), groupby, currency)).join('');
    };
    return { type: CSV, name: 'statement.csv', dimensions: groupby, pieces };
  }

  private focus(timezone: string, scope: StatementScope, currency: string): FileFormat {
    const { names, ledger } = this;
    const month = monthAround(scope.from, timezone);
    if (scope.to > month.to)
      throw new ValidationFailed({ to: ['A period of FOCUS must end with its month: ask for each month by itself.'] });
    const period = {
      currency,
      month: dayIn(month.from, timezone).slice(0, 'YYYY-MM'.length),
      charge: { from: inSeconds(scope.from), to: inSeconds(scope.to) },
      billing: { from: inSeconds(month.from), to: inSeconds(month.to) },
    };
    const task = FOCUS_DIMENSIONS.indexOf('task');
    const pieces = async function* (
      groups: AsyncIterable<readonly StatementGroup[]>,
      proof: WireLogProof,
    ): AsyncGenerator<string> {
      const logProof = logProofText(proof);
      yield focusHead();
      for await (const part of groups) {
        const terms = await ledger.termsOf([...new Set(part.flatMap(({ keys }) => keys[task] ?? []))]);
        yield part
          .map((group) => focusRow(group, { ...period, logProof }, { names, terms: terms.get(group.keys[task] ?? '') }))
          .join('');
      }
    };
    return { type: CSV, name: 'focus.csv', dimensions: FOCUS_DIMENSIONS, pieces };
  }

  private async file(
    { type, name, dimensions, pieces }: FileFormat,
    scope: StatementScope & { readonly reader: string },
    reply: Reply,
  ): Promise<Readable> {
    // Its `close` has been: nobody would say that its place is free again.
    if (reply.raw.destroyed) return Readable.from([]);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(MOST_STREAM_MS)]);
    const facts: StatementFacts[] = [];
    const groups = this.statements.stream(dimensions, scope, signal, (told) => facts.push(told));
    // Nobody may come to take the rows; their connection to the database is given back all the same.
    signal.addEventListener('abort', () => void groups.return(undefined), { once: true });
    // What fails before the first rows is an answer of its own.
    const first = await groups.next();
    const all = async function* (): AsyncGenerator<readonly StatementGroup[]> {
      for (let part = first; part.done !== true; part = await groups.next()) yield part.value;
      if (signal.aborted) throw new Error('the statement was not read in time');
    };
    const [about] = facts;
    if (!about) throw new Error('a statement is of something');
    const proof = await this.proofs.of(about);
    reply.header(PROOF_HEADER, logProofText(proof));
    reply.header('content-type', type);
    reply.header('content-disposition', `attachment; filename="${name}"`);
    return Readable.from(pieces(all(), proof), { objectMode: false });
  }
}
