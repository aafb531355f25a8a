import type { UsageTerms } from '@fornax/domain';
import type { StatementGroup } from '../queries/statement-reader.js';
import type { SqlDimension } from '../queries/statement-sql.js';
import { csvRecord, decimalText, splitTexts, wireSums, type NamesOf } from '../queries/wire-statement.js';

/** What a row of charges is of: columns of the FinOps Open Cost and Usage Specification 1.2. */
export const FOCUS_DIMENSIONS: readonly SqlDimension[] = ['user', 'project', 'task', 'plan', 'hardware', 'corrects'];

/** What is said of all rows. */
export interface FocusPeriod {
  readonly currency: string;
  /** What proves the range of the log that all rows were folded from. */
  readonly logProof: string;
  /** YYYY-MM: an invoice is of a project and a month. */
  readonly month: string;
  readonly charge: { readonly from: string; readonly to: string };
  readonly billing: { readonly from: string; readonly to: string };
}

const COLUMNS = [
  ...['BilledCost', 'BillingAccountId', 'BillingAccountName', 'BillingCurrency', 'BillingPeriodEnd'],
  ...['BillingPeriodStart', 'ChargeCategory', 'ChargeClass', 'ChargeDescription', 'ChargeFrequency'],
  ...[
    'ChargePeriodEnd',
    'ChargePeriodStart',
    'CommitmentDiscountStatus',
    'ConsumedQuantity',
    'ConsumedUnit',
    'ContractedCost',
    'EffectiveCost',
  ],
  ...['InvoiceId', 'InvoiceIssuerName', 'ListCost', 'PricingQuantity', 'PricingUnit', 'ProviderName', 'PublisherName'],
  ...['ResourceId', 'ResourceName', 'ResourceType', 'ServiceCategory', 'ServiceName', 'ServiceSubcategory'],
  ...[
    'SubAccountId',
    'SubAccountName',
    'Tags',
    'x_Attempts',
    'x_Corrects',
    'x_ExactNanos',
    'x_ExactRest',
    'x_Failures',
  ],
  ...['x_Hardware', 'x_Instances', 'x_LogProof', 'x_Plan', 'x_Seconds'],
] as const;
type FocusColumn = (typeof COLUMNS)[number];

const PROVIDER = 'Fornax';
const UNIT = 'Core-Seconds';
/** Tags are a scheme of their own beside labels: without values, and with a prefix, as the specification asks. */
const TAG_PREFIX = 'fornax/tag/';

const tagsOf = ({ tags, labels }: Pick<UsageTerms, 'tags' | 'labels'>): string =>
  JSON.stringify({ ...labels, ...Object.fromEntries(tags.map((tag) => [`${TAG_PREFIX}${tag}`, true])) });

/** A decimal with all of its digits: a column of whole numbers would be taken for one of integers. */
const withPoint = (text: string): string => (text.includes('.') ? text : `${text}.0`);

/** The columns in the order in which their values come. */
export const focusHead = (): string => csvRecord(COLUMNS);

/** One row of charges. Money is rounded such that rows sum to the total of the same statement; the exact amount is in columns of our own. */
export const focusRow = (
  group: StatementGroup,
  { charge, billing, currency, month, logProof }: FocusPeriod,
  { names, terms }: { readonly names: NamesOf; readonly terms: UsageTerms | undefined },
): string => {
  const [user, project, task, plan, hardware, corrects] = FOCUS_DIMENSIONS.map((_, index) => group.keys[index] ?? '');
  const cost = withPoint(decimalText(BigInt(group.units), 6));
  const sums = wireSums(group, BigInt(group.units));
  const quantity = withPoint(sums.coreSeconds);
  const exact = splitTexts(BigInt(group.parts));
  const name = terms?.shortname ?? '';
  const values: Readonly<Record<FocusColumn, string>> = {
    BilledCost: cost,
    BillingAccountId: user ?? '',
    BillingAccountName: names.user(user ?? '') ?? user ?? '',
    BillingCurrency: currency,
    BillingPeriodEnd: billing.to,
    BillingPeriodStart: billing.from,
    ChargeCategory: 'Usage',
    // What corrects an open month is a part of its usage: no invoice of it was final.
    ChargeClass: corrects === '' ? '' : 'Correction',
    ChargeDescription: `Computing in the plan ${plan ?? ''} on ${hardware ?? ''}${corrects === '' ? '' : `: correction of ${corrects}`}`,
    ChargeFrequency: 'Usage-Based',
    ChargePeriodEnd: charge.to,
    ChargePeriodStart: charge.from,
    // Always without: but rules of quantities name the column, and are broken where it is not there.
    CommitmentDiscountStatus: '',
    ConsumedQuantity: quantity,
    ConsumedUnit: UNIT,
    ContractedCost: cost,
    EffectiveCost: cost,
    InvoiceId: `${project ?? ''}/${month}`,
    InvoiceIssuerName: PROVIDER,
    ListCost: cost,
    PricingQuantity: quantity,
    PricingUnit: UNIT,
    ProviderName: PROVIDER,
    PublisherName: PROVIDER,
    ResourceId: task ?? '',
    ResourceName: name === task ? '' : name,
    ResourceType: terms?.kind ?? 'task',
    ServiceCategory: 'Compute',
    ServiceName: 'Fornax computing',
    ServiceSubcategory: 'Other (Compute)',
    SubAccountId: project ?? '',
    SubAccountName: names.project(project ?? '') ?? project ?? '',
    Tags: tagsOf(terms ?? { tags: [], labels: {} }),
    x_Attempts: String(sums.attempts),
    x_Corrects: corrects ?? '',
    x_ExactNanos: exact.nanos,
    x_ExactRest: exact.rest,
    x_Failures: String(sums.failures),
    x_Hardware: hardware ?? '',
    x_Instances: String(sums.instances),
    x_LogProof: logProof,
    x_Plan: plan ?? '',
    x_Seconds: withPoint(sums.seconds),
  };
  return csvRecord(COLUMNS.map((column) => values[column]));
};
