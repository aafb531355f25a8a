import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { resolveConstants, substitute, SubstitutionTooLong } from './substitute.js';

const values = (record: Record<string, string>): ReadonlyMap<string, string> => new Map(Object.entries(record));

describe('substituting constants', () => {
  it('replaces known names in braces and leaves the rest', () =>
    expect(substitute('${A}-$A-${B}-${}-${A', values({ A: '1' }))).toBe('1-$A-${B}-${}-${A'));

  it('does not look into what it put in', () => expect(substitute('${A}', values({ A: '${B}', B: 'x' }))).toBe('${B}'));

  it('resolves constants that refer to others, secrets and the platform', () =>
    expect(
      resolveConstants(
        values({ KEY: '${QARNOT_SECRET_K}!', CMD: 'run ${KEY} ${INSTANCE_ID}' }),
        values({ QARNOT_SECRET_K: 's', INSTANCE_ID: '3' }),
      ),
    ).toEqual(values({ QARNOT_SECRET_K: 's', INSTANCE_ID: '3', KEY: 's!', CMD: 'run s! 3' })));

  it('keeps what is fixed and what refers to nothing, whatever the constants are called', () =>
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('A', 'B', 'INSTANCE_ID', 'X.Y'),
          fc.string().filter((text) => !text.includes('${')),
        ),
        fc.dictionary(fc.constantFrom('A', 'INSTANCE_ID', 'QARNOT_SECRET_K'), fc.string()),
        (constants, fixed) =>
          expect(resolveConstants(values(constants), values(fixed))).toEqual(values({ ...constants, ...fixed })),
      ),
    ));

  it('lets no value smuggle in a reference, however often constants refer to each other', () =>
    fc.assert(
      fc.property(fc.string(), (secret) => {
        const resolved = resolveConstants(
          values({ A: '${B}', B: '<${S}>', LEAK: 'never' }),
          values({ S: `${secret}\${LEAK}` }),
        );
        expect(resolved.get('A')).toBe(`<${secret}\${LEAK}>`);
      }),
    ));

  it('ends on a circle', () => {
    const resolved = resolveConstants(values({ A: 'a${B}', B: 'b${A}', C: '${C}' }), values({}));
    expect(resolved.get('A')).toBe('ab${A}');
    expect(resolved.get('C')).toBe('${C}');
  });

  it('refuses doublings that would fill the memory', () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`V${at}`, `\${V${at + 1}}\${V${at + 1}}`]),
    );
    expect(() => resolveConstants(values({ ...doubling, V40: 'xx' }), values({}))).toThrow(SubstitutionTooLong);
  });
});
