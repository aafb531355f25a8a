import { aTaskSpec } from '@fornax/domain/specs';
import { describe, expect, it } from '@jest/globals';

import { inputProblem } from './input-problem.js';

const ten = 'x'.repeat(10);
const problem = (prefix: string, constants: Readonly<Record<string, string>> = {}) =>
  inputProblem(
    aTaskSpec({
      instances: '0-9,1000',
      resources: [{ bucket: 'plain' }, { bucket: 'in', prefix, stripPrefix: prefix }],
      constants: Object.entries(constants).map(([key, value]) => ({ key, value })),
    }),
  );

describe('prefixes of resources', () => {
  it('may be as long as a key, for the last instance too', () => {
    const longest = 'x'.repeat(1_020);
    expect(problem(`${longest}\${INSTANCE_ID}`)).toBeUndefined();
    expect(problem(`${longest}x\${INSTANCE_ID}`)).toMatch(/bucket 2 \(in\) is longer than 1024 bytes/);
  });

  it('are refused where constants make them longer, however much', () => {
    expect(problem('${A}', { A: 'é'.repeat(600) })).toMatch(/longer than 1024 bytes/);
    const doubling = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`V${at}`, `\${V${at + 1}}\${V${at + 1}}`]),
    );
    expect(problem('${V0}', { ...doubling, V40: ten })).toMatch(/far too long/);
  });

  it('are left alone where a name is not known', () => expect(problem('${NOBODY}/')).toBeUndefined());
});
