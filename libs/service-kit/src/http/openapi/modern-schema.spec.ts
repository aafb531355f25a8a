import { describe, expect, it } from '@jest/globals';
import { modernSchema } from './modern-schema.js';

describe('modernSchema', () => {
  it('makes null a type of its own', () =>
    expect(modernSchema({ type: 'string', nullable: true })).toEqual({ type: ['string', 'null'] }));
  it('lets an enumeration hold null', () =>
    expect(modernSchema({ type: 'string', nullable: true, enum: ['a'] })).toEqual({
      type: ['string', 'null'],
      enum: ['a', null],
    }));
  it('adds null to a reference', () =>
    expect(modernSchema({ $ref: '#/x', nullable: true })).toEqual({ anyOf: [{ $ref: '#/x' }, { type: 'null' }] }));
  it('takes anything for a nullable anything', () => expect(modernSchema({ nullable: true })).toEqual({}));
  it('writes exclusive limits as numbers', () =>
    expect(modernSchema({ minimum: 0, exclusiveMinimum: true, maximum: 9 })).toEqual({
      exclusiveMinimum: 0,
      maximum: 9,
    }));
  it('leaves a property alone that is called like a keyword', () =>
    expect(modernSchema({ properties: { nullable: { type: 'string' } }, default: { nullable: true } })).toEqual({
      properties: { nullable: { type: 'string' } },
      default: { nullable: true },
    }));
  it('works at every depth', () =>
    expect(modernSchema({ items: { properties: { a: { type: 'integer', nullable: true } } } })).toEqual({
      items: { properties: { a: { type: ['integer', 'null'] } } },
    }));
});
