import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { NotFound } from '@fornax/base';
import type { UsageTerms } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import type { DataSource } from 'typeorm';
import { findTerms, readTerms } from '../projections/ledger-state.js';
import { LedgerReader } from './ledger-reader.js';
import { StatementScopes } from './statement-scopes.js';

/** Finds what was submitted for those who may see its bill: its owner, whoever sees it in statements, and members of its project. */
@Injectable()
export class TermsLookup {
  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    private readonly scopes: StatementScopes,
  ) {}

  /** A task or a pool by its id, one's own also by its shortname. @throws NotFound also for one of others that the caller does not look after */
  async find(kind: UsageTerms['kind'], caller: Account, id: string): Promise<UsageTerms> {
    await this.ledger.catchUp();
    const own = await findTerms(this.db, { kind, owner: caller.id, id });
    const found = own ?? (await readTerms(this.db, [id])).find((one) => one.kind === kind);
    if (!found || !this.scopes.shows(caller, found.owner, found.projectUuid))
      throw new NotFound(`No such ${kind}: ${id}`);
    return found;
  }
}
