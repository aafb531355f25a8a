import { describe, expect, it } from '@jest/globals';
import { givenSettings } from './setting-files.js';

const read = (path: string): string => {
  if (path === '/missing') throw new Error('no such file');
  return path === '/empty' ? '\n' : `text of ${path}\n`;
};
const given = (names: readonly string[], env: Record<string, string>) => givenSettings(names, env, read);

describe('settings', () => {
  it('are read from the environment or from the file that it names', () =>
    expect(given(['A', 'B', 'C'], { A: 'x', B_FILE: '/b', C: '', D: 'y' })).toEqual({
      values: { A: 'x', B: 'text of /b' },
      problems: [],
    }));

  it('are left to their own reader where the file is a setting itself', () =>
    expect(given(['A', 'A_FILE'], { A_FILE: '/a' })).toEqual({ values: { A_FILE: '/a' }, problems: [] }));

  it('are refused by name, without their value, where a file cannot be read, is empty, or is one of two', () => {
    const { problems } = given(['A', 'B', 'C'], { A_FILE: '/missing', B_FILE: '/empty', C: 'hush', C_FILE: '/c' });
    expect(problems).toEqual(['A_FILE: no such file', 'B_FILE: /empty is empty', 'C and C_FILE are both set; set one']);
  });
});
