import { aTaskSpec } from '@fornax/domain/specs';
import { describe, expect, it } from '@jest/globals';

import { inputProblem } from './input-problem.js';

const ten = 'x'.repeat(10);
const textOf = (...asked: Parameters<typeof inputProblem>) => inputProblem(...asked)?.text;
const problem = (prefix: string, constants: Readonly<Record<string, string>> = {}) =>
  textOf(
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

  it('may fill a header together, and no more', () => {
    const many = (count: number, prefix: string) =>
      textOf(
        aTaskSpec({
          resources: Array.from({ length: count }, (_, at) => ({ bucket: 'in', prefix: `${at}${prefix}` })),
        }),
      );
    expect(many(100, 'x'.repeat(40))).toBeUndefined();
    expect(many(100, 'x'.repeat(60))).toMatch(/together.*the most is 7800/);
    expect(many(8, 'x'.repeat(1_000))).toMatch(/together/);
    // The same place in several folders is one place.
    const same = Array.from({ length: 100 }, (_, at) => ({
      bucket: 'in',
      prefix: 'x'.repeat(900),
      stripPrefix: 'x'.repeat(at),
    }));
    expect(textOf(aTaskSpec({ resources: same }))).toBeUndefined();
  });

  it('are as long as the longest values of a table make them, and so are the folders of results and snapshots', () => {
    const row = { PART: 'x'.repeat(1_025) };
    expect(inputProblem(aTaskSpec({ resources: [{ bucket: 'in', prefix: '${PART}' }] }), row)).toMatchObject({
      field: 'advancedResourceBuckets',
    });
    expect(inputProblem(aTaskSpec({ resultBucket: 'out', resultsPrefix: '${PART}' }), row)).toMatchObject({
      field: 'resultsBucketPrefix',
    });
    expect(inputProblem(aTaskSpec({ snapshotPrefix: 'a/${PART}' }), row)).toMatchObject({
      field: 'snapshotBucketPrefix',
    });
  });

  it('are left alone where a name is not known', () => expect(problem('${NOBODY}/')).toBeUndefined());
});
