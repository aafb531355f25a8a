import { closedMonthSchema, ownBudgetSchema, publishedListSchema } from '@fornax/contracts';

export {
  closedMonthSchema,
  creditsOfAccountSchema,
  metersSchema,
  ownBudgetSchema,
  publishedListSchema,
  ratingProgressSchema,
  ratingSchema,
  statementSchema,
  taskCostSchema,
} from '@fornax/contracts';
export const closedMonthsSchema = closedMonthSchema.array();
export const publishedListsSchema = publishedListSchema.array();
export const ownBudgetsSchema = ownBudgetSchema.array();
