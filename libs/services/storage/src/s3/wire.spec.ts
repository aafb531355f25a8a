import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { S3Error, childNodes, childText, encodePath, parseXml, uriEncode, xmlDocument } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judgeConditions } from './conditions.js';
import { bucketOfHost, parseRequest } from './s3-request.js';

const messageOf = (url: string, rawHeaders: string[] = []): IncomingMessage => {
  const message = new IncomingMessage(new Socket());
  return Object.assign(message, { url, method: 'GET', rawHeaders });
};
const text = () =>
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((one) => one.isWellFormed() && !one.includes('\0'));
const codeOf = (attempt: () => unknown): unknown => {
  try {
    return attempt();
  } catch (error) {
    return error instanceof S3Error ? error.code : error;
  }
};

describe('a request', () => {
  it('names the key that was encoded, whatever it is, and can be signed again', () => {
    fc.assert(
      fc.property(text(), (key) => {
        const path = `/bucket/${encodePath(key)}`;
        const request = parseRequest(messageOf(path), []);
        expect([request.bucket, request.key, encodePath(request.path)]).toEqual(['bucket', key, path]);
      }),
    );
  });

  it('has the query that was encoded', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text(), text())), (pairs) => {
        const query = pairs.map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`).join('&');
        expect(parseRequest(messageOf(`/b?${query}`), []).query).toEqual(pairs);
      }),
    );
  });

  it('is for the service, a bucket or an object, with the bucket in the path or in the host', () => {
    const of = (url: string, host: string) => {
      const { bucket, key, isVirtual } = parseRequest(messageOf(url, ['Host', host]), ['localhost', 's3.example.org']);
      return [bucket, key, isVirtual];
    };
    expect(of('/', 'localhost:9000')).toEqual(['', '', false]);
    expect(of('/b', 'localhost:9000')).toEqual(['b', '', false]);
    expect(of('/b/', '127.0.0.1:9000')).toEqual(['b', '', false]);
    expect(of('/b//k/', 'elsewhere')).toEqual(['b', '/k/', false]);
    expect(of('/', 'my.bucket.localhost:9000')).toEqual(['my.bucket', '', true]);
    expect(of('/k/l', 'b.S3.example.org')).toEqual(['b', 'k/l', true]);
    expect(bucketOfHost('[::1]:9000', ['localhost'])).toBeUndefined();
  });

  it('is refused when it cannot be read', () => {
    for (const [url, code] of [
      ['*', 'InvalidURI'],
      ['http://x/', 'InvalidURI'],
      ['/b/%', 'InvalidURI'],
      ['/b?a=%zz', 'InvalidURI'],
      ['/b/%00', 'InvalidArgument'],
      [`/b/${'x'.repeat(1025)}`, 'KeyTooLongError'],
    ] as const) {
      expect(codeOf(() => parseRequest(messageOf(url), []))).toBe(code);
    }
  });
});

describe('XML', () => {
  it('gives back any text that was written', () => {
    fc.assert(
      fc.property(fc.array(text()), (keys) => {
        const document = xmlDocument('Delete', { Quiet: true, Object: keys.map((Key) => ({ Key })) });
        const read = parseXml(document, 'Delete');
        expect(childNodes(read, 'Object').map((node) => childText(node, 'Key'))).toEqual(keys);
      }),
    );
  });

  it('is never more than it seems', () => {
    const bomb = '<!DOCTYPE a [<!ENTITY x "xx">]><Delete>&x;</Delete>';
    for (const document of [bomb, '', '<a/>', '<Delete>', '<Delete></Other>', '\u0000'])
      expect(codeOf(() => parseXml(document, 'Delete'))).toBe('MalformedXML');
    const bombs = [
      `<Delete>${'<a>'.repeat(300_000)}`,
      `<Delete>${'<a>'.repeat(17)}${'</a>'.repeat(17)}</Delete>`,
      `<Delete>${'<Object/>'.repeat(100_001)}</Delete>`,
      '<!doctype Delete><Delete/>',
      '<!ENTITY a "b"><Delete/>',
    ];
    for (const bomb of bombs) expect(codeOf(() => parseXml(bomb, 'Delete'))).toBe('MalformedXML');
    expect(parseXml('<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>', 'Delete')).toEqual({});
    expect(
      childText(
        parseXml('<s3:Delete xmlns:s3="x"><s3:Quiet>&amp;lt;&#65;&#x42;&nbsp;</s3:Quiet></s3:Delete>', 'Delete'),
        'Quiet',
      ),
    ).toBe('&lt;AB&nbsp;');
  });
});

describe('conditions', () => {
  const info = {
    key: 'k',
    sizeBytes: 1,
    etag: 'abc',
    contentType: 't',
    userMetadata: {},
    modifiedAt: new Date('2026-01-01T00:00:00.500Z'),
  };
  const judge = (headers: Readonly<Record<string, string>>) => judgeConditions((name) => headers[name], info);
  const [same, later, earlier] = [
    'Thu, 01 Jan 2026 00:00:00 GMT',
    'Fri, 02 Jan 2026 00:00:00 GMT',
    'Wed, 31 Dec 2025 00:00:00 GMT',
  ];
  it('follow RFC 9110 in their order', () => {
    expect([
      judge({}),
      judge({ 'if-match': '"abc"' }),
      judge({ 'if-match': '*' }),
      judge({ 'if-match': '"x", "y"' }),
    ]).toEqual(['go-on', 'go-on', 'go-on', 'failed']);
    expect([judge({ 'if-none-match': 'W/"abc"' }), judge({ 'if-none-match': '"x"' })]).toEqual([
      'not-modified',
      'go-on',
    ]);
    expect([same, later, earlier].map((date) => judge({ 'if-modified-since': date }))).toEqual([
      'not-modified',
      'not-modified',
      'go-on',
    ]);
    expect([same, later, earlier].map((date) => judge({ 'if-unmodified-since': date }))).toEqual([
      'go-on',
      'go-on',
      'failed',
    ]);
    expect(judge({ 'if-match': '"abc"', 'if-unmodified-since': earlier })).toBe('go-on');
    expect(judge({ 'if-none-match': '"x"', 'if-modified-since': later })).toBe('go-on');
    expect(judge({ 'if-modified-since': 'nonsense' })).toBe('go-on');
  });
});
