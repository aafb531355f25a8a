import { describe, expect, it } from '@jest/globals';
import { PreparedNames } from './prepared-names.js';

const useThrice = (names: PreparedNames, text: string): string | undefined => {
  names.of(text);
  names.of(text);
  return names.of(text);
};

describe('names of prepared statements', () => {
  it('are given from the third use on, one for each text', () => {
    const names = new PreparedNames();
    expect([names.of('a'), names.of('a')]).toEqual([undefined, undefined]);
    const name = names.of('a');
    expect(name).toBeDefined();
    expect(names.of('a')).toBe(name);
    expect(useThrice(names, 'b')).not.toBe(name);
    expect(useThrice(new PreparedNames(), 'a')).toBe(name);
  });

  it('are others after they were renewed', () => {
    const names = new PreparedNames();
    const before = useThrice(names, 'a');
    names.renew('a');
    expect(names.of('a')).not.toBe(before);
    names.renew('never seen');
    expect(names.of('never seen')).toBeUndefined();
  });

  it('are bounded, and so is what is counted', () => {
    const names = new PreparedNames();
    const given = Array.from({ length: 400 }, (_, index) => useThrice(names, `often ${index}`));
    expect(given.filter((name) => name !== undefined)).toHaveLength(256);
    const many = new PreparedNames();
    for (let round = 0; round < 3; round += 1)
      for (let index = 0; index < 300; index += 1) expect(many.of(`rare ${index}`)).toBeUndefined();
  });
});
