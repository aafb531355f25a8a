import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rightsWithin, type SecretRights } from './secret-rights.js';

const permits = ({ keys, prefixes }: SecretRights, key: string): boolean =>
  keys.includes(key) || prefixes.some((prefix) => key.startsWith(prefix));

const text = fc.array(fc.constantFrom('a', 'b', '/'), { minLength: 1, maxLength: 5 }).map((all) => all.join(''));
const rights = fc.record({ keys: fc.array(text, { maxLength: 3 }), prefixes: fc.array(text, { maxLength: 3 }) });

describe('rights within a wish', () => {
  it('name exactly what the rights name and the wish is about', () =>
    fc.assert(
      fc.property(rights, text, text, fc.boolean(), (whole, wished, key, isEverywhere) => {
        const below = isEverywhere ? '' : `${wished}/`;
        expect(permits(rightsWithin(whole, { below }), key)).toBe(permits(whole, key) && key.startsWith(below));
        expect(permits(rightsWithin(whole, { key: wished }), key)).toBe(permits(whole, key) && key === wished);
      }),
    ));
});
