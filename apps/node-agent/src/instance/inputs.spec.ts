import { describe, expect, it } from '@jest/globals';

import { parseObjectPage } from '../s3/list-xml.js';
import { localPathOf } from './inputs.js';

describe('the place of an input', () => {
  it.each([
    ['a/b.txt', undefined, 'a/b.txt'],
    ['in/a/b.txt', 'in/', 'a/b.txt'],
    ['in/a', 'in', 'a'],
    ['other/a', 'in/', 'other/a'],
    ['//a//./b', undefined, 'a/b'],
    ['folder/', undefined, 'folder/'],
    ['in/', 'in/', undefined],
    ['a..b/..c', undefined, 'a..b/..c'],
  ])('%j without %j is %j', (key, strip, path) => expect(localPathOf(key, strip)).toBe(path));

  it.each(['../x', 'a/../../x', 'in/../x', 'a\0b'])('%j is refused', (key) =>
    expect(() => localPathOf(key, 'in/')).toThrow(),
  );
});

describe('a page of objects', () => {
  it('is read with its odd names', () => {
    const xml =
      '<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>' +
      '<Contents><Key>a%20b%2Bc/%C3%A9</Key><Size>12</Size></Contents><Contents><Key>x+y</Key><Size>0</Size></Contents></ListBucketResult>';
    expect(parseObjectPage(xml)).toEqual({
      objects: [
        { key: 'a b+c/é', sizeBytes: 12, version: '12 ' },
        { key: 'x y', sizeBytes: 0, version: '0 ' },
      ],
      next: 'a&b',
    });
    expect(
      parseObjectPage(
        '<R><IsTruncated>false</IsTruncated><Contents><Key>a%20&lt;b&#x41;</Key><Size>1</Size></Contents></R>',
      ),
    ).toEqual({ objects: [{ key: 'a%20<bA', sizeBytes: 1, version: '1 ' }], next: undefined });
  });
});
