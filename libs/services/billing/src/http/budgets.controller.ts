import { Controller, Delete, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiForbiddenResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  budgetChangeSchema,
  budgetCreationSchema,
  ownBudgetSchema,
  type BudgetChange,
  type BudgetCreation,
  type WireOwnBudget,
} from '@fornax/contracts';
import { CurrentAccount, CurrentContext, type Account, type RequestContext } from '@fornax/identity';
import { Idempotent, ZodBody, ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { Budgets } from '../spending/budgets.js';

const listQuerySchema = z.object({ project: z.string().max(128) });

/** Budgets of projects: operators, and coordinators for their organization, set them; whoever may use a project reads them. */
@ApiTags('credits')
@Controller('fornax/v1/billing/budgets')
export class BudgetsController {
  constructor(private readonly budgets: Budgets) {}

  @Get()
  @ApiOperation({ summary: 'Budgets of a project, archived ones too' })
  @ApiOkResponse({ standardSchema: z.array(ownBudgetSchema) })
  @ApiNotFoundResponse({ description: 'There is no such project' })
  list(
    @CurrentAccount() account: Account,
    @ZodQuery(listQuerySchema) { project }: z.output<typeof listQuerySchema>,
  ): Promise<readonly WireOwnBudget[]> {
    return this.budgets.ofProject(account, project);
  }

  @Post()
  @HttpCode(200)
  @Idempotent({ service: 'billing', repeatable: true })
  @ApiOperation({ summary: 'Make a budget; what the project has used since its first day counts' })
  @ApiOkResponse({ standardSchema: ownBudgetSchema })
  @ApiForbiddenResponse({ description: 'Only operators and coordinators set budgets' })
  @ApiNotFoundResponse({ description: 'There is no such project' })
  create(
    @ZodBody(budgetCreationSchema) body: BudgetCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOwnBudget> {
    return this.budgets.create(body, context);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One budget, and what it has been used for' })
  @ApiOkResponse({ standardSchema: ownBudgetSchema })
  read(@CurrentAccount() account: Account, @Param('id') id: string): Promise<WireOwnBudget> {
    return this.budgets.read(account, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a budget; what is absent stays' })
  @ApiOkResponse({ standardSchema: ownBudgetSchema })
  change(
    @Param('id') id: string,
    @ZodBody(budgetChangeSchema) body: BudgetChange,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOwnBudget> {
    return this.budgets.change(id, body, context);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Archive a budget: it counts nothing and holds back nothing any more' })
  @ApiOkResponse({ standardSchema: ownBudgetSchema })
  archive(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<WireOwnBudget> {
    return this.budgets.archive(id, context);
  }
}
