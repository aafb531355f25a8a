import { describe, expect, it } from '@jest/globals';
import { parseBuckets, parseError, parseObjectPage } from './answers.js';

describe('a page of objects', () => {
  it('is read with its odd names', () => {
    const xml =
      '<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>' +
      '<Contents><Key>a%20b%2Bc/%C3%A9</Key><Size>12</Size></Contents><Contents><Key>x+y</Key><Size>0</Size></Contents></ListBucketResult>';
    expect(parseObjectPage(xml)).toEqual({
      objects: [
        { key: 'a b+c/é', sizeBytes: 12, etag: '', lastModified: '' },
        { key: 'x y', sizeBytes: 0, etag: '', lastModified: '' },
      ],
      next: 'a&b',
    });
    expect(
      parseObjectPage(
        '<R><IsTruncated>false</IsTruncated><Contents><Key>a%20&lt;b&#x41;</Key><Size>1</Size></Contents></R>',
      ),
    ).toEqual({ objects: [{ key: 'a%20<bA', sizeBytes: 1, etag: '', lastModified: '' }], next: undefined });
  });

  it('is refused when it is none', () => {
    for (const text of ['', '<html><p>Bad Gateway', 'busy', '<!DOCTYPE a><R/>'])
      expect(() => parseObjectPage(text)).toThrow();
  });
});

it('names the buckets of who has some, one or none', () => {
  const buckets = (...names: readonly string[]) =>
    names.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('');
  for (const names of [['a', 'b'], ['a'], []])
    expect(parseBuckets(`<R><Owner/><Buckets>${buckets(...names)}</Buckets></R>`)).toEqual(names);
  expect(parseBuckets('<R><Buckets/></R>')).toEqual([]);
  expect(() => parseBuckets('<R><Buckets>what</Buckets></R>')).toThrow();
});

describe('an error', () => {
  it('is read where there is one', () => {
    const xml = '<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>';
    expect(parseError(xml)).toEqual({ code: 'NoSuchKey', message: 'a & b' });
    for (const text of ['', '<html><p>Bad Gateway', '<R/>']) expect(parseError(text)).toBeUndefined();
  });
});
