import { describe, expect, it } from '@jest/globals';
import { rangesOf } from '@fornax/domain';
import { aTaskSpec } from '@fornax/domain/specs';

import { inputsOf } from './inputs-of.js';

const constants = [
  { key: 'SCENE', value: 'scenes/${NAME}' },
  { key: 'NAME', value: 'dragon' },
  { key: 'INSTANCE_ID', value: 'not mine' },
  { key: 'QARNOT_SECRET_X', sealed: 'hush' },
];
const of = (resource: { readonly prefix?: string; readonly stripPrefix?: string }, instance = 7) =>
  inputsOf(
    { spec: aTaskSpec({ constants, resources: [{ bucket: '${NAME}', ...resource }] }), all: rangesOf(20) },
    instance,
  )[0];

describe('the inputs of one instance', () => {
  it.each([
    ['part-${INSTANCE_ID}/', 'part-7/'],
    ['${SCENE}/frame-${FRAME_ID}', 'scenes/dragon/frame-7'],
    ['${QRANK}-of-${QSIZE}-${INSTANCE_COUNT}', '7-of-20-20'],
    ['$INSTANCE_ID/${}/${NOBODY}/${QARNOT_SECRET_X}', '$INSTANCE_ID/${}/${NOBODY}/${QARNOT_SECRET_X}'],
    ['plain/', 'plain/'],
  ])('%j is %j, as prefix and as what is stripped', (text, filled) =>
    expect(of({ prefix: text, stripPrefix: text })).toEqual({
      bucket: '${NAME}',
      prefix: filled,
      stripPrefix: filled,
    }),
  );

  it('are told apart by the number of each', () =>
    expect([0, 1, 2].map((instance) => of({ prefix: '${INSTANCE_ID}/' }, instance)?.prefix)).toEqual([
      '0/',
      '1/',
      '2/',
    ]));

  it('are a whole bucket as it is', () => expect(of({})).toEqual({ bucket: '${NAME}' }));
});
