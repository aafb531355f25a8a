import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { encodePath, sha256Hex, uriEncode } from '@fornax/s3';
import { sdkSigner } from '@fornax/s3/specs';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, StorageUnderTest, type TestUser, failureOf, send, signedHeaders } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
const bucket = 'ada-hostile';

beforeAll(async () => {
  storage = await StorageUnderTest.start({ FORNAX_PUBLIC_STORAGE_URL: 'http://s3.example.org' });
  ada = await storage.user('ada+tag@example.org');
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket: bucket }));
}, 180_000);
afterAll(async () => storage.stop());

const codeOf = ({ status, body }: Answer): readonly [number, string | undefined] => [
  status,
  /<Code>(\w+)<\/Code>/.exec(body)?.[1],
];
const get = (path: string, more: object = {}) => storage.signed(ada, { path, ...more });
const put = (path: string, body: string, more: object = {}) =>
  storage.signed(ada, { method: 'PUT', path, body, ...more });
const isThere = async (Key: string): Promise<boolean> =>
  (await failureOf(storage.s3(ada).send(new HeadObjectCommand({ Bucket: bucket, Key })))).status === undefined;

describe('signatures', () => {
  it('must be there, right, and made with a known key', async () => {
    expect(codeOf(await send(storage.port, { path: `/${bucket}` }))).toEqual([403, 'AccessDenied']);
    expect(codeOf(await storage.signed({ ...ada, token: 'wrong' }, { path: `/${bucket}` }))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ]);
    expect(codeOf(await storage.signed({ ...ada, email: 'nobody@example.org' }, { path: `/${bucket}` }))).toEqual([
      403,
      'InvalidAccessKeyId',
    ]);
    expect(codeOf(await get(`/${bucket}`, { tamper: { authorization: 'AWS4-HMAC-SHA256 nonsense' } }))).toEqual([
      400,
      'AuthorizationHeaderMalformed',
    ]);
    expect(codeOf(await get(`/${bucket}`, { tamper: { authorization: 'Basic YTpi' } }))).toEqual([
      400,
      'AuthorizationHeaderMalformed',
    ]);
  });

  it('bind path, query, headers and time', async () => {
    const headers = signedHeaders(storage.port, {
      path: `/${bucket}?prefix=a`,
      accessKey: ada.email,
      secretKey: ada.token,
    });
    expect((await send(storage.port, { path: `/${bucket}?prefix=a`, headers })).status).toBe(200);
    expect(codeOf(await send(storage.port, { path: `/${bucket}?prefix=b`, headers }))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ]);
    expect(codeOf(await send(storage.port, { path: `/${bucket}x?prefix=a`, headers }))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ]);
    expect(codeOf(await get(`/${bucket}`, { tamper: { 'x-amz-meta-added': '1' } }))).toEqual([403, 'AccessDenied']);
    expect(codeOf(await get(`/${bucket}`, { at: Date.now() - 16 * 60_000 }))).toEqual([403, 'RequestTimeTooSkewed']);
    expect(codeOf(await get(`/${bucket}`, { at: Date.now() + 16 * 60_000 }))).toEqual([403, 'RequestTimeTooSkewed']);
    expect((await get(`/${bucket}`, { at: Date.now() - 14 * 60_000 })).status).toBe(200);
  });

  it('may name the bucket in the host', async () => {
    const host = { headers: { host: `${bucket}.s3.example.org` } };
    expect((await put('/in/host', 'x', host)).status).toBe(200);
    expect((await get('/in/host', host)).body).toBe('x');
    expect((await get(`/${bucket}/in/host`, { headers: { host: 's3.example.org' } })).body).toBe('x');
  });
});

describe('payloads', () => {
  it('are stored only if they are what was signed', async () => {
    expect(codeOf(await put(`/${bucket}/sha`, 'real', { payloadHash: sha256Hex('other') }))).toEqual([
      400,
      'XAmzContentSHA256Mismatch',
    ]);
    expect(
      codeOf(await put(`/${bucket}/sha`, 'real', { headers: { 'content-md5': Buffer.alloc(16).toString('base64') } })),
    ).toEqual([400, 'BadDigest']);
    expect(codeOf(await put(`/${bucket}/sha`, 'real', { headers: { 'content-md5': 'short' } }))).toEqual([
      400,
      'InvalidDigest',
    ]);
    expect(codeOf(await put(`/${bucket}/sha`, 'real', { headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } }))).toEqual([
      400,
      'BadDigest',
    ]);
    expect(codeOf(await put(`/${bucket}/sha`, 'real', { payloadHash: 'nonsense' }))).toEqual([400, 'InvalidArgument']);
    expect(await isThere('sha')).toBe(false);
    expect((await put(`/${bucket}/sha`, 'real', { payloadHash: 'UNSIGNED-PAYLOAD' })).status).toBe(200);
  });

  it('have a length within bounds', async () => {
    const headers = signedHeaders(storage.port, {
      method: 'PUT',
      path: `/${bucket}/long`,
      payloadHash: 'UNSIGNED-PAYLOAD',
      accessKey: ada.email,
      secretKey: ada.token,
    });
    expect(
      codeOf(
        await send(storage.port, {
          method: 'PUT',
          path: `/${bucket}/long`,
          headers: { ...headers, 'transfer-encoding': 'chunked' },
          body: 'x',
        }),
      ),
    ).toEqual([411, 'MissingContentLength']);
    const socket = connect(storage.port, '127.0.0.1');
    const lines = Object.entries({ ...headers, 'content-length': String(5 * 1024 ** 3 + 1) }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write(`PUT /${bucket}/long HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('EntityTooLarge');
    socket.destroy();
  });

  it('that break off leave nothing behind', async () => {
    const files = async (): Promise<number> => {
      const folders = (await readdir(storage.folder)).filter((name) => name.length === 2);
      return (await Promise.all(folders.map((name) => readdir(join(storage.folder, name))))).flat().length;
    };
    await put(`/${bucket}/replaced`, 'old');
    const before = await files();
    for (const key of ['broken', 'replaced']) {
      const path = `/${bucket}/${key}`;
      const headers = signedHeaders(storage.port, {
        method: 'PUT',
        path,
        payloadHash: 'UNSIGNED-PAYLOAD',
        accessKey: ada.email,
        secretKey: ada.token,
      });
      const socket = connect(storage.port, '127.0.0.1');
      const lines = Object.entries({ ...headers, 'content-length': '1000000' }).map(
        ([name, value]) => `${name}: ${value}`,
      );
      socket.write(`PUT ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${'x'.repeat(500_000)}`);
      await eventually(async () => (await files()) > before);
      socket.destroy();
      await eventually(async () => (await files()) === before);
    }
    expect(await isThere('broken')).toBe(false);
    expect((await get(`/${bucket}/replaced`)).body).toBe('old');
  });

  it('are asked for only when they are wanted', async () => {
    const ask = async (user: TestUser): Promise<string> => {
      const path = `/${bucket}/expected`;
      const headers = signedHeaders(storage.port, {
        method: 'PUT',
        path,
        body: 'body',
        accessKey: user.email,
        secretKey: user.token,
      });
      const socket = connect(storage.port, '127.0.0.1');
      const lines = Object.entries({
        ...headers,
        'content-length': '4',
        expect: '100-continue',
        connection: 'close',
      }).map(([name, value]) => `${name}: ${value}`);
      socket.write(`PUT ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      let text = '';
      socket.on('data', (data: Buffer) => {
        if (text === '' && data.toString().startsWith('HTTP/1.1 100')) socket.write('body');
        text += data.toString();
      });
      await once(socket, 'close');
      return text;
    };
    expect(await ask(ada)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(await ask({ ...ada, token: 'wrong' })).toMatch(/^HTTP\/1\.1 403 Forbidden/);
  });
});

describe('keys', () => {
  it('that look like paths, queries or commands are only keys', async () => {
    const s3 = storage.s3(ada);
    const keys = [
      '../../../etc/passwd',
      '..',
      '.',
      '/absolute',
      'a//b',
      'a/./b',
      '%2e%2e%2f',
      'sp ace',
      'plus+',
      'q?x=1',
      '#frag',
      'a&b=c',
      'é',
      'e\u0301',
      '\u{1f600}',
      '\u0001',
      '\n',
      'quote"\'',
      '<tag>',
      '\\',
      'x'.repeat(1024),
    ];
    for (const Key of keys)
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `k/${Key}`.slice(0, 1024), Body: `at ${Key}` }));
    for (const Key of keys) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `k/${Key}`.slice(0, 1024) }));
      expect(await Body?.transformToString()).toBe(`at ${Key}`);
    }
    const listed = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'k/', EncodingType: 'url' }));
    expect(listed.Contents?.map(({ Key }) => decodeURIComponent(Key ?? '')).sort()).toEqual(
      keys.map((Key) => `k/${Key}`.slice(0, 1024)).sort(),
    );
  });

  it('are refused when they cannot be keys', async () => {
    expect(codeOf(await put(`/${bucket}/nul%00`, 'x'))).toEqual([400, 'InvalidArgument']);
    expect(codeOf(await send(storage.port, { path: `/${bucket}/%ff` }))).toEqual([400, 'InvalidURI']);
    expect(codeOf(await send(storage.port, { path: `/${bucket}/%zz` }))).toEqual([400, 'InvalidURI']);
    expect(codeOf(await put(`/${bucket}/${encodePath('é'.repeat(513))}`, 'x'))).toEqual([400, 'KeyTooLongError']);
    expect(codeOf(await get('/.staging'))).toEqual([404, 'NoSuchBucket']);
    expect(codeOf(await get('/.staging/x'))).toEqual([404, 'NoSuchBucket']);
    expect(codeOf(await put('/.staging', ''))).toEqual([400, 'InvalidBucketName']);
  });
});

describe('documents', () => {
  const remove = (body: string) => storage.signed(ada, { method: 'POST', path: `/${bucket}?delete`, body });
  it('are refused when they are not what they should be', async () => {
    for (const body of [
      '',
      'not xml',
      '<Delete>',
      '<Other/>',
      '<Delete><Object/></Delete>',
      '<Delete><Object>text</Object></Delete>',
      `<Delete>${'<Object><Key>k</Key></Object>'.repeat(1001)}</Delete>`,
      '<!DOCTYPE Delete [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>',
    ]) {
      expect(codeOf(await remove(body))).toEqual([400, 'MalformedXML']);
    }
    expect(codeOf(await remove(`<Delete>${' '.repeat(1024 * 1024)}</Delete>`))).toEqual([
      400,
      'MaxMessageLengthExceeded',
    ]);
    expect(codeOf(await storage.signed(ada, { method: 'PUT', path: '/ada-other', body: '<oops' }))).toEqual([
      400,
      'MalformedXML',
    ]);
  });

  it('are written so that any parser reads them', async () => {
    const { body } = await get(`/${bucket}?prefix=${uriEncode('<&">\u0001')}`);
    expect(body).toContain('<Prefix>&lt;&amp;&quot;&gt;&#x1;</Prefix>');
  });
});

describe('requests', () => {
  it('with huge headers or no HTTP at all are refused in XML', async () => {
    expect(codeOf(await get(`/${bucket}`, { tamper: { 'x-big': 'x'.repeat(20_000) } }))).toEqual([
      400,
      'RequestHeaderSectionTooLarge',
    ]);
    const socket = connect(storage.port, '127.0.0.1');
    socket.write('GARBAGE\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('<Code>InvalidRequest</Code>');
    socket.destroy();
    expect(codeOf(await put(`/${bucket}/meta`, 'x', { headers: { 'x-amz-meta-big': 'x'.repeat(2050) } }))).toEqual([
      400,
      'MetadataTooLarge',
    ]);
  });

  it('for what is not offered are refused, never failed on', async () => {
    for (const [method, path] of [
      ['POST', '/'],
      ['DELETE', '/'],
      ['PATCH', `/${bucket}`],
      ['POST', `/${bucket}/k`],
    ] as const) {
      expect(codeOf(await storage.signed(ada, { method, path }))).toEqual([405, 'MethodNotAllowed']);
    }
  });

  it('for what S3 knows and this endpoint does not change nothing', async () => {
    await put(`/${bucket}/kept`, 'kept');
    for (const [method, path] of [
      ['PUT', `/${bucket}/kept?renameObject`],
      ['PUT', `/${bucket}/kept?acl`],
      ['DELETE', `/${bucket}/kept?annotation`],
      ['DELETE', `/${bucket}/kept?tagging`],
      ['DELETE', `/${bucket}?metadataConfiguration`],
      ['PUT', `/${bucket}?acl`],
      ['GET', `/${bucket}/kept?torrent`],
    ] as const) {
      expect(codeOf(await storage.signed(ada, { method, path }))).toEqual([501, 'NotImplemented']);
    }
    for (const method of ['GET', 'DELETE'] as const) {
      const path = `/${bucket}/kept?versionId=3HL4kqtJlcpXroDTDmJ`;
      expect(codeOf(await storage.signed(ada, { method, path }))).toEqual([404, 'NoSuchVersion']);
    }
    expect((await storage.signed(ada, { path: `/${bucket}/kept` })).body).toBe('kept');
    expect((await storage.signed(ada, { method: 'DELETE', path: `/${bucket}/kept?versionId=null` })).status).toBe(204);
  });
});

describe('forms of a browser', () => {
  it('are not implemented, which is said before their signature, in the body, is looked for', async () => {
    const form = new FormData();
    for (const [name, value] of [
      ['key', 'from-a-form'],
      ['policy', 'e30='],
      ['x-amz-signature', 'f'.repeat(64)],
    ] as const)
      form.set(name, value);
    form.set('file', new Blob(['content']));
    const answer = await fetch(`http://127.0.0.1:${storage.port}/${bucket}`, { method: 'POST', body: form });
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining('<Code>NotImplemented</Code>')]);
    expect(await isThere('from-a-form')).toBe(false);
  });
});

describe('kept connections', () => {
  it('answer every request, also a refusal right behind an object', async () => {
    await put(`/${bucket}/kept`, 'x'.repeat(10_000));
    const socket = connect(storage.port, '127.0.0.1');
    const requestOf = (range: string): string => {
      const path = `/${bucket}/kept`;
      const headers = signedHeaders(storage.port, { path, accessKey: ada.email, secretKey: ada.token });
      return `GET ${path} HTTP/1.1\r\n${Object.entries({ ...headers, range })
        .map(([name, value]) => `${name}: ${value}`)
        .join('\r\n')}\r\n\r\n`;
    };
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString();
    });
    socket.write(
      [requestOf('bytes=0-'), requestOf('bytes=10000-'), requestOf('bytes=0-9'), requestOf('bytes=10000-')].join(''),
    );
    await eventually(async () => (text.match(/HTTP\/1\.1 \d+/g) ?? []).length === 4);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 206', 'HTTP/1.1 416', 'HTTP/1.1 206', 'HTTP/1.1 416']);
    socket.destroy();
  });
});

describe('presigned URLs', () => {
  const presign = async (options: object = {}, request: object = {}): Promise<string> => {
    const signer = sdkSigner({ accessKeyId: ada.email, secretAccessKey: ada.token });
    const { query = {} } = await signer.presign(
      {
        method: 'GET',
        protocol: 'http:',
        hostname: '127.0.0.1',
        port: storage.port,
        path: `/${bucket}/presigned`,
        query: {},
        headers: { host: `127.0.0.1:${storage.port}`, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
        ...request,
      },
      { expiresIn: 60, ...options },
    );
    return `/${bucket}/presigned?${Object.entries(query)
      .map(([name, value]) => `${uriEncode(name)}=${uriEncode(String(value))}`)
      .join('&')}`;
  };

  it('open what they were made for, while they last', async () => {
    await put(`/${bucket}/presigned`, 'shared');
    const path = await presign();
    expect((await send(storage.port, { path })).body).toBe('shared');
    expect(codeOf(await send(storage.port, { path: path.replace('/presigned', '/sha') }))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ]);
    expect(codeOf(await send(storage.port, { method: 'DELETE', path }))).toEqual([403, 'SignatureDoesNotMatch']);
    expect(
      codeOf(await send(storage.port, { path: await presign({ signingDate: new Date(Date.now() - 61_000) }) })),
    ).toEqual([403, 'AccessDenied']);
    expect(
      codeOf(await send(storage.port, { path: path.replace(/X-Amz-Expires=60/, 'X-Amz-Expires=9999999') })),
    ).toEqual([400, 'AuthorizationQueryParametersError']);
  });

  it('carry headers: a copy copies, metadata is kept, and a checksum is verified', async () => {
    await put(`/${bucket}/original`, 'original');
    const carrying = (query: Record<string, string>): Promise<string> => presign({}, { method: 'PUT', query });
    const copy = await carrying({ 'x-amz-copy-source': `/${bucket}/original` });
    expect((await send(storage.port, { method: 'PUT', path: copy })).body).toContain('CopyObjectResult');
    expect((await storage.signed(ada, { path: `/${bucket}/presigned` })).body).toBe('original');
    const crc32OfEmpty = 'AAAAAA==';
    const checked = await carrying({ 'x-amz-checksum-crc32': crc32OfEmpty, 'x-amz-meta-mood': 'good' });
    expect(codeOf(await send(storage.port, { method: 'PUT', path: checked, body: 'other' }))).toEqual([
      400,
      'BadDigest',
    ]);
    expect((await send(storage.port, { method: 'PUT', path: checked, body: '' })).status).toBe(200);
    const stored = await storage.signed(ada, { path: `/${bucket}/presigned` });
    expect([stored.body, stored.headers['x-amz-meta-mood']]).toEqual(['', 'good']);
    await put(`/${bucket}/presigned`, 'shared');
  });

  it('of the older signature are opened, too', async () => {
    const signedUntil = (expires: number, method = 'GET'): string => {
      const text = `${method}\n\n\n${expires}\n/${bucket}/presigned?response-content-type=text/x`;
      const signature = createHmac('sha1', ada.token).update(text).digest('base64');
      return `/${bucket}/presigned?response-content-type=text%2Fx&AWSAccessKeyId=${uriEncode(ada.email)}&Expires=${expires}&Signature=${uriEncode(signature)}`;
    };
    const soon = Math.floor(Date.now() / 1000) + 60;
    const answer = await send(storage.port, { path: signedUntil(soon) });
    expect([answer.body, answer.headers['content-type']]).toEqual(['shared', 'text/x']);
    expect(codeOf(await send(storage.port, { path: signedUntil(soon, 'PUT') }))).toEqual([
      403,
      'SignatureDoesNotMatch',
    ]);
    expect(codeOf(await send(storage.port, { path: signedUntil(soon - 120) }))).toEqual([403, 'AccessDenied']);
    expect(codeOf(await send(storage.port, { path: signedUntil(soon).replace(/Expires=\d+/, 'Expires=x') }))).toEqual([
      403,
      'AccessDenied',
    ]);
  });

  const olderUrl = (query: string, headers: string, method = 'PUT'): string => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const text = `${method}\n\n${headers.startsWith('x-amz') ? '' : 'text/x'}\n${expires}\n${headers}/${bucket}/older`;
    const signature = createHmac('sha1', ada.token).update(text).digest('base64');
    const signed = `AWSAccessKeyId=${uriEncode(ada.email)}&Signature=${uriEncode(signature)}`;
    return `/${bucket}/older?${signed}${query}&Expires=${expires}`;
  };

  const typed = { 'content-type': 'text/x' };
  const putAt = (path: string, headers: Record<string, string>, body: string) =>
    send(storage.port, { method: 'PUT', path, headers, body });

  it('of the older signature carry no other headers than were signed', async () => {
    await put(`/${bucket}/original`, 'original');
    const url = olderUrl('', '');
    expect((await putAt(url, typed, 'older')).status).toBe(200);
    for (const more of [`x-amz-copy-source=%2F${bucket}%2Foriginal`, 'x-amz-meta-evil=1'])
      expect(codeOf(await putAt(`${url}&${more}`, typed, ''))).toEqual([403, 'SignatureDoesNotMatch']);
    expect(codeOf(await putAt(`${url}&content-type=text%2Fx`, {}, 'older'))).toEqual([200, undefined]);
    expect(codeOf(await putAt(`${url}&content-type=text%2Fevil`, {}, ''))).toEqual([403, 'SignatureDoesNotMatch']);
    expect((await storage.signed(ada, { path: `/${bucket}/older` })).body).toBe('older');
  });

  it('of the older signature carry what was signed, whether it is sent as well, as boto3 does, or not', async () => {
    const mood = { 'x-amz-meta-mood': 'good' };
    const url = olderUrl('&x-amz-meta-mood=good', 'x-amz-meta-mood:good\n');
    for (const headers of [{}, mood]) expect((await putAt(url, headers, 'older')).status).toBe(200);
    expect((await storage.signed(ada, { path: `/${bucket}/older` })).headers).toMatchObject(mood);
    expect((await putAt(olderUrl('&content-type=text%2Fx', ''), typed, 'typed')).status).toBe(200);
    expect((await storage.signed(ada, { path: `/${bucket}/older` })).headers).toMatchObject(typed);
  });
});
