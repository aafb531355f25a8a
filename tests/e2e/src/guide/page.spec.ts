import { describe, expect, it } from '@jest/globals';
import { examplesOf, isAsShown } from './page.js';

const fence = (tag: string, code: string): string => `\`\`\`${tag}\n${code}\n\`\`\``;

describe('a page of the guide', () => {
  it('is run by its blocks of bash and python, with the text that directly follows', () => {
    const page = [
      ...[fence('bash', 'echo a'), '', fence('text', 'a'), 'words', fence('json', '{}')],
      ...[fence('python', 'print(1)'), 'words between', fence('text', 'not its output'), fence('sh', 'not run')],
    ].join('\n');
    expect(examplesOf(page)).toEqual([
      { language: 'bash', code: 'echo a', expected: 'a', line: 1 },
      { language: 'python', code: 'print(1)', line: 12 },
    ]);
  });

  it('shows any text as …, and everything else as it is', () => {
    expect(isAsShown('id 42 of\nall\n', 'id … of\nall')).toBe(true);
    expect(isAsShown('a.b\n', 'a.b')).toBe(true);
    expect(isAsShown('axb\n', 'a.b')).toBe(false);
    expect(isAsShown('more a\n', 'a')).toBe(false);
    expect(isAsShown('', '…')).toBe(true);
  });
});
