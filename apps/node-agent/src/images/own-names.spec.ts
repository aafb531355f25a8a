import { describe, expect, it } from '@jest/globals';

import { OwnNames } from './own-names.js';
import { LayerRefused } from './tree-path.js';

describe('names of a layer', () => {
  it('are known by their folder', () => {
    const names = new OwnNames();
    names.add('/a', 'one');
    names.add('/b', 'ä');
    expect([names.has('/a', 'one'), names.has('/b', 'one'), names.has('/b', 'ä'), names.has('/c', 'one')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('take memory once each, with their folders, and are refused where that is spent', () => {
    // A folder of two signs and one name of a hundred.
    const names = new OwnNames(44 + 240);
    for (let time = 0; time < 3; time += 1) names.add('/a', 'n'.repeat(100));
    expect(() => names.add('/a', '')).toThrow(LayerRefused);
    const folders = new OwnNames(1_000_000);
    const many = (): void => {
      for (let each = 0; each < 1_000; each += 1) folders.add(`${'d'.repeat(1_000)}${each}`, 'f');
    };
    expect(many).toThrow(LayerRefused);
  });
});
