import { Inject, Injectable } from '@nestjs/common';
import { derivedId, Forbidden, newId, NotFound, type Clock } from '@fornax/base';
import type { BudgetChange, BudgetCreation, WireOwnBudget } from '@fornax/contracts';
import { dayOf } from '@fornax/domain';
import { AccountDirectory, userMeta, type Account, type Project, type RequestContext } from '@fornax/identity';
import type { EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { seenProject } from '../queries/statement-scopes.js';
import { SpendingReader, type UsedBudget } from '../queries/spending-reader.js';
import { wireOwnBudget } from '../queries/wire-spending.js';
import { SpendingCommands } from './spending-commands.js';

/** How long somebody who names a project that is not known waits for what was decided about accounts until then. */
const PATIENCE_MS = 2_000;
const DEFAULT_THRESHOLDS = [50, 80, 95];

/** What people do with budgets. */
@Injectable()
export class Budgets {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly spending: SpendingReader,
    private readonly commands: SpendingCommands,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(EVENT_LOG) private readonly log: Pick<EventLog, 'head'>,
  ) {}

  /** A project that somebody may look at, also one that another process has made a moment ago. @throws NotFound also for one of others */
  async projectFor(caller: Account, id: string): Promise<Project> {
    if (!this.sees(caller, id)) await this.accounts.knows((await this.log.head()).sequence, PATIENCE_MS);
    return seenProject(this.accounts, caller, id);
  }

  async ofProject(caller: Account, project: string): Promise<readonly WireOwnBudget[]> {
    return (await this.spending.budgets([(await this.projectFor(caller, project)).id])).map(wireOwnBudget);
  }

  /** @throws NotFound */
  async read(caller: Account, id: string): Promise<WireOwnBudget> {
    return wireOwnBudget(await this.find(caller, id));
  }

  async create(
    {
      project: name,
      amount,
      alias = '',
      policy = 'AlertOnly',
      thresholds = DEFAULT_THRESHOLDS,
      ...time
    }: BudgetCreation,
    context: RequestContext,
  ): Promise<WireOwnBudget> {
    const { account } = context;
    const project = await this.projectFor(account, name);
    this.mayChange(account, project);
    // A request that was cut off makes the budget that it would have made.
    const budgetId =
      context.idempotencyKey === undefined ? newId() : derivedId('budget', account.id, context.idempotencyKey);
    const from = time.from ?? Date.parse(dayOf(this.clock.now()));
    const until = time.until ?? null;
    const terms = { alias, totalMicros: amount, policy, until, thresholds };
    const owner = project.ownerKind === 'account' ? project.ownerId : account.id;
    const consumedMicros = await this.spending.usedBy(project.id, from, until);
    const command = {
      type: 'CreateBudget',
      budgetId,
      projectId: project.id,
      owner,
      from,
      ...terms,
      consumedMicros,
    } as const;
    await this.commands.budget(budgetId, command, metaOf(context, project));
    return this.read(account, budgetId);
  }

  async change(id: string, change: BudgetChange, context: RequestContext): Promise<WireOwnBudget> {
    const { project, budget } = await this.changeable(id, context);
    const { amount, until, ...rest } = change;
    const consumedMicros = await this.spending.usedBy(
      project.id,
      budget.from,
      until === undefined ? budget.until : until,
    );
    const terms = {
      ...rest,
      ...(amount === undefined ? {} : { totalMicros: amount }),
      ...(until === undefined ? {} : { until }),
    };
    await this.commands.budget(
      budget.budgetId,
      { type: 'ChangeBudget', ...terms, consumedMicros },
      metaOf(context, project),
    );
    return this.read(context.account, id);
  }

  async archive(id: string, context: RequestContext): Promise<WireOwnBudget> {
    const { project, budget } = await this.changeable(id, context);
    await this.commands.budget(budget.budgetId, { type: 'ArchiveBudget' }, metaOf(context, project));
    return this.read(context.account, id);
  }

  private async find(caller: Account, id: string): Promise<UsedBudget> {
    const found = await this.spending.budget(id.toLowerCase());
    if (!found || !this.sees(caller, found.budget.projectId))
      throw new NotFound(`No such budget: ${id}`, { code: 'budget-not-found' });
    return found;
  }

  private sees(caller: Account, projectId: string): boolean {
    try {
      seenProject(this.accounts, caller, projectId);
      return true;
    } catch (error) {
      if (error instanceof NotFound) return false;
      throw error;
    }
  }

  private async changeable(id: string, { account }: RequestContext) {
    const { budget } = await this.find(account, id);
    const project = await this.projectFor(account, budget.projectId);
    this.mayChange(account, project);
    return { project, budget };
  }

  /** Who uses a project does not set its budgets: they would hold nobody back. */
  private mayChange(caller: Account, { ownerId, ownerKind }: Project): void {
    const organisationId = ownerKind === 'organisation' ? ownerId : this.accounts.byId(ownerId)?.organisationId;
    const isCoordinator =
      caller.role === 'coordinator' && organisationId !== null && caller.organisationId === organisationId;
    if (caller.role !== 'operator' && !isCoordinator)
      throw new Forbidden('Only an operator, or a coordinator of the organization, may set budgets', {
        code: 'budgets-are-operators',
      });
  }
}

const metaOf = (context: RequestContext, { ownerId, ownerKind }: Project) =>
  userMeta('billing', context, { kind: ownerKind === 'account' ? 'user' : 'organisation', id: ownerId });
