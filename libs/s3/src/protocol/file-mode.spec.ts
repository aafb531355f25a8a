import { describe, expect, it } from '@jest/globals';

import { isExecutable, modeText } from './file-mode.js';

describe('the mode of a file as metadata of its object', () => {
  it.each([
    [0o100755, '100755'],
    [0o100644, '100644'],
    [0o104755, '100755'],
    [0o600, '100600'],
  ])('%o is written as rclone writes it', (mode, text) => expect(modeText(mode)).toBe(text));

  it.each([
    ['100755', true],
    ['100644', false],
    ['100711', true],
    // s3fs: decimal
    [String(0o100755), true],
    [String(0o100644), false],
    [String(0o100777), true],
    // other tools: rights alone
    ['755', true],
    ['0644', false],
    // a folder, a link, nonsense
    ['40755', false],
    ['120777', false],
    ['16877', false],
    ['', false],
    ['rwxr-xr-x', false],
    ['-1', false],
    ['99999999999', false],
  ])('%j is executable: %s', (text, executable) => expect(isExecutable(text)).toBe(executable));

  it('reads what it writes, and what s3fs writes, for every mode', () => {
    for (let rights = 0; rights <= 0o777; rights += 1) {
      const executable = (rights & 0o111) !== 0;
      expect([rights, isExecutable(modeText(rights))]).toEqual([rights, executable]);
      expect([rights, isExecutable(String(0o100000 + rights))]).toEqual([rights, executable]);
    }
  });

  it('is no executable where there is none', () => expect(isExecutable(undefined)).toBe(false));
});
