import { expect, it } from '@jest/globals';

import { quoted } from './quoted.js';

it.each([
  ['a "b"', '"a \\"b\\""'],
  ['\u001b[31m\n', '"\\u001b[31m\\n"'],
  ['\u009b31m\u007f', '"\\u009b31m\\u007f"'],
  ['gnp.\u202excod\u2028', '"gnp.\\u202excod\\u2028"'],
  ['\u{e0041}', '"\\udb40\\udc41"'],
  ['äöü😀', '"äöü😀"'],
  ['a'.repeat(11), `"${'a'.repeat(10)}…"`],
])('%j is shown as %s', (name, shown) => expect(quoted(name, 10)).toBe(shown));
