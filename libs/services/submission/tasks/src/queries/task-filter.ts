import type { WireFilter } from '@fornax/contracts';
import { Invalid } from '@fornax/base';
import type { Field, FieldLookup } from './filter-field.js';
import type { Parameters } from './filter-parameters.js';
import { operandOf, SQL_TYPES, type Operand } from './filter-values.js';
import { patternOf } from './patterns.js';

const MAX_DEPTH = 32;
const MAX_LEAVES = 500;
/** Most values in one In or NotIn. */
const MAX_VALUES = 10_000;

const COMPARISONS = new Map([
  ['lessthan', '<'],
  ['lessthanorequal', '<='],
  ['greaterthan', '>'],
  ['greaterthanorequal', '>='],
]);

const invalid = (message: string): Invalid => new Invalid(message, { code: 'bad-filter' });

type Scalar = Extract<Field, { readonly kind: 'scalar' }>;
type List = Extract<Field, { readonly kind: 'list' }>;

const isText = (type: Scalar['type']): boolean => type === 'text' || type === 'uuid' || type === 'state';
/** Texts compare by their code points, whatever the database was made with. */
const comparable = (type: Scalar['type'], sql: string): string => (isText(type) ? `(${sql}) COLLATE "C"` : sql);

const valuesOf = ({ value, values }: WireFilter): readonly unknown[] => {
  const list = values ?? value;
  if (!Array.isArray(list)) throw invalid('In and NotIn need a list of values');
  if (list.length > MAX_VALUES) throw invalid(`In and NotIn take at most ${MAX_VALUES} values`);
  return list;
};

/** The conditions of one leaf, for each kind of field; none is ever unknown (NULL) where its negation would be asked for. */
class Leaf {
  private readonly name: string;

  constructor(
    private readonly filter: WireFilter,
    private readonly parameters: Parameters,
    private readonly fieldOf: FieldLookup,
  ) {
    this.name = filter.field ?? '';
  }

  sql(): string {
    const field = this.fieldOf(this.name, this.parameters);
    switch (field.kind) {
      case 'scalar':
        return this.onScalar(field);
      case 'list':
        return this.onList(field);
      case 'object':
        return this.onObject(field.isThere);
    }
  }

  private get operator(): string {
    return this.filter.operator.toLowerCase();
  }

  private place(type: Scalar['type'], value: Operand): string {
    return this.parameters.add(value, SQL_TYPES[type]);
  }

  private places(type: Scalar['type'], values: readonly Operand[]): string {
    return this.parameters.add(values, `${SQL_TYPES[type]}[]`);
  }

  private operand(type: Scalar['type']): Operand | null {
    return operandOf(type, this.name, this.filter.value);
  }

  /** The values of In and NotIn, and whether null is one of them. */
  private listed(type: Scalar['type']): { readonly values: readonly Operand[]; readonly hasNull: boolean } {
    const all = valuesOf(this.filter).map((value) => operandOf(type, this.name, value));
    const values = all.filter((value) => value !== null);
    return { values, hasNull: values.length < all.length };
  }

  private onScalar({ type, sql }: Scalar): string {
    switch (this.operator) {
      case 'equal':
      case 'notequal': {
        const value = this.operand(type);
        const isEqual = this.operator === 'equal';
        if (value === null) return `${sql} IS ${isEqual ? '' : 'NOT '}NULL`;
        return `${sql} ${isEqual ? '=' : 'IS DISTINCT FROM'} ${this.place(type, value)}`;
      }
      case 'in':
      case 'notin': {
        const { values, hasNull } = this.listed(type);
        const isOneOf = `coalesce(${sql} = ANY(${this.places(type, values)}), false)`;
        const isIn = hasNull ? `(${isOneOf} OR ${sql} IS NULL)` : isOneOf;
        return this.operator === 'in' ? isIn : `NOT ${isIn}`;
      }
      case 'like':
        if (!isText(type)) throw invalid(`Like does not apply to ${this.name}`);
        return `${sql} ~ ${this.parameters.addPattern(patternOf(this.filter.value))}`;
      default:
        return `${comparable(type, sql)} ${this.comparison(type)}`;
    }
  }

  private onList({ type, items, hasAny }: List): string {
    const exists = (condition: string): string => `EXISTS (SELECT 1 FROM ${items} WHERE ${condition})`;
    const contains = (values: readonly Operand[]): string => {
      const list = this.places(type, values);
      return hasAny && this.parameters.isOfOwner ? hasAny(list) : exists(`item = ANY(${list})`);
    };
    switch (this.operator) {
      case 'equal':
      case 'notequal': {
        const value = this.operand(type);
        const isEqual = this.operator === 'equal';
        // A list equals null when there is nothing in it.
        if (value === null) return `${isEqual ? 'NOT ' : ''}${exists('TRUE')}`;
        return `${isEqual ? '' : 'NOT '}${contains([value])}`;
      }
      case 'in':
      case 'notin': {
        const { values, hasNull } = this.listed(type);
        const isIn = hasNull ? `(${contains(values)} OR NOT ${exists('TRUE')})` : contains(values);
        return this.operator === 'in' ? isIn : `NOT ${isIn}`;
      }
      case 'like':
        if (!isText(type)) throw invalid(`Like does not apply to ${this.name}`);
        return exists(`item ~ ${this.parameters.addPattern(patternOf(this.filter.value))}`);
      default:
        return exists(`${comparable(type, 'item')} ${this.comparison(type)}`);
    }
  }

  /** An object as a whole can only be asked for being there. */
  private onObject(isThere: string): string {
    const { value } = this.filter;
    if ((value === null || value === undefined) && this.operator === 'equal') return `NOT coalesce(${isThere}, false)`;
    if ((value === null || value === undefined) && this.operator === 'notequal') return `coalesce(${isThere}, false)`;
    throw invalid(`${this.name} is an object: compare one of its fields, as in ${this.name}.<field>`);
  }

  private comparison(type: Scalar['type']): string {
    const comparison = COMPARISONS.get(this.operator);
    if (comparison === undefined) throw invalid(`Unknown operator: ${this.filter.operator}`);
    const value = type === 'boolean' ? null : this.operand(type);
    if (value === null) throw invalid(`${this.filter.operator} does not apply to ${this.name} with this value`);
    return `${comparison} ${this.place(type, value)}`;
  }
}

/** Where the conditions of one filter are gathered. */
interface Gathered {
  readonly parameters: Parameters;
  readonly fieldOf: FieldLookup;
  leaves: number;
}

const conditionOf = (filter: WireFilter, depth: number, into: Gathered): string => {
  if (depth > MAX_DEPTH) throw invalid(`A filter is at most ${MAX_DEPTH} levels deep`);
  const operator = filter.operator.toLowerCase();
  if (operator !== 'and' && operator !== 'or') {
    into.leaves += 1;
    if (into.leaves > MAX_LEAVES) throw invalid(`A filter has at most ${MAX_LEAVES} comparisons`);
    return `(${new Leaf(filter, into.parameters, into.fieldOf).sql()})`;
  }
  const parts = (filter.filters ?? []).map((part) => conditionOf(part, depth + 1, into));
  // Nothing to hold against an object: clients send this for "no tags given".
  if (parts.length === 0) return 'TRUE';
  return `(${parts.join(operator === 'and' ? ' AND ' : ' OR ')})`;
};

/**
 * A filter of the API as a condition on the rows of one kind of objects, with all its values as parameters (contract, section 1.12).
 * @throws Invalid an unknown field or operator, or a value of the wrong kind
 */
export const filterSql = (filter: WireFilter | undefined, parameters: Parameters, fieldOf: FieldLookup): string =>
  filter ? conditionOf(filter, 1, { parameters, fieldOf, leaves: 0 }) : 'TRUE';
