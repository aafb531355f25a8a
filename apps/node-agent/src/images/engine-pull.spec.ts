import { describe, expect, it } from '@jest/globals';

import { EnginePull } from './engine-pull.js';

const layer = (digit: string, size: number) => ({ digest: `sha256:${digit.repeat(64)}`, size });
const [a, b] = ['a'.repeat(12), 'b'.repeat(12)];
const told = (events: readonly unknown[]): readonly string[] => {
  const said: string[] = [];
  const pull = new EnginePull('team/tool:v1', [layer('a', 3_000_000), layer('b', 1_000_000)], (text) =>
    said.push(text),
  );
  for (const event of events) pull.hear(event);
  return said.map((text) => text.replace('pulls the image team/tool:v1: ', ''));
};
const coming = (id: string, current: number) => ({ id, status: 'Downloading', progressDetail: { current, total: 9 } });

describe('what an engine says of a pull', () => {
  it('is told as that of a node without one, as Docker says it', () =>
    expect(
      told([
        { status: 'Pulling from team/tool', id: 'v1' },
        { status: 'Pulling fs layer', progressDetail: {}, id: a },
        { status: 'Already exists', progressDetail: {}, id: b },
        coming(a, 1_500_000),
        coming(a, 3_000_000),
        { status: 'Download complete', progressDetail: {}, id: a },
        { status: 'Extracting', progressDetail: { current: 5, total: 9 }, id: a },
        { status: 'Pull complete', progressDetail: {}, id: a },
        { status: 'Pull complete', progressDetail: {}, id: a },
        { status: 'Digest: sha256:0' },
      ]),
    ).toEqual([
      '0 % of 4.0 MB, 0 of 2 layers unpacked',
      '25 % of 4.0 MB, 0 of 2 layers unpacked',
      '25 % of 4.0 MB, 1 of 2 layers unpacked',
      '62 % of 4.0 MB, 1 of 2 layers unpacked',
      '100 % of 4.0 MB, 1 of 2 layers unpacked',
      '100 % of 4.0 MB, 2 of 2 layers unpacked',
    ]));

  it('is that of Podman, which begins a layer anew where it has to, and no nonsense', () =>
    expect(
      told([
        coming(a, 1_000_000),
        coming(a, 400_000),
        coming(b, 99_000_000),
        { status: 'Downloading', id: a, progressDetail: { current: -5 } },
        { status: 'Download complete', id: a },
        coming('c'.repeat(12), 5),
        'nonsense',
        null,
      ]),
    ).toEqual([
      '0 % of 4.0 MB, 0 of 2 layers unpacked',
      '25 % of 4.0 MB, 0 of 2 layers unpacked',
      '10 % of 4.0 MB, 0 of 2 layers unpacked',
      '35 % of 4.0 MB, 0 of 2 layers unpacked',
      '100 % of 4.0 MB, 0 of 2 layers unpacked',
    ]));
});
