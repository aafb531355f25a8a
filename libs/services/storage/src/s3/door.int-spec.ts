import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { eventually, openWire, requestHead, type Wire } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, signedHeaders } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
const bucket = 'ada-door';
const wires: Wire[] = [];

beforeAll(async () => {
  storage = await StorageUnderTest.start({
    FORNAX_HTTP_HEADERS_TIMEOUT_MS: '200',
    FORNAX_HTTP_REQUEST_TIMEOUT_MS: '400',
    FORNAX_HTTP_STALL_TIMEOUT_MS: '600',
    FORNAX_HTTP_MIN_UPLOAD_BYTES_PER_S: '1000',
    FORNAX_HTTP_MAX_CONNECTIONS_PER_PEER: '30',
    FORNAX_HTTP_MAX_REQUESTS: '6',
    FORNAX_HTTP_MAX_REQUESTS_PER_ACCOUNT: '3',
    FORNAX_HTTP_WRONG_TOKENS_BURST: '5',
    FORNAX_HTTP_WRONG_TOKENS_PER_MINUTE: '1',
    FORNAX_HTTP_WRONG_TOKENS_MAX_DELAY_MS: '0',
  });
  ada = await storage.user('ada@example.org');
  const s3 = storage.s3(ada);
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  s3.destroy();
}, 180_000);
afterEach(() => {
  for (const { socket } of wires.splice(0)) socket.destroy();
});
afterAll(async () => storage.stop());

const wire = async (): Promise<Wire> => {
  const made = await openWire(`http://127.0.0.1:${storage.port}`);
  wires.push(made);
  return made;
};

/** The head of a signed request, whose body is not looked at when it is signed. */
const signedHead = (method: string, path: string, headers: Readonly<Record<string, string>> = {}): string => {
  const payloadHash = 'UNSIGNED-PAYLOAD';
  const { host, ...signed } = signedHeaders(storage.port, {
    method,
    path,
    payloadHash,
    accessKey: ada.email,
    secretKey: ada.token,
  });
  return requestHead(method, path, { ...signed, ...headers }).replace('host: test', `host: ${host}`);
};
const statusOf = async (key: string): Promise<number> =>
  (await storage.signed(ada, { method: 'HEAD', path: `/${bucket}/${key}` })).status;

describe('the door of the S3 endpoint', () => {
  it('answers who has no right signature before the body is there, and ends the connection', async () => {
    const client = await wire();
    client.send(requestHead('PUT', `/${bucket}/large`, { 'content-length': 1_000_000_000 }) + 'xxxx');
    expect(await client.until(/<\/Error>$/)).toMatch(/^HTTP\/1.1 403 .*<Code>AccessDenied<\/Code>/s);
    await client.closed();
  });

  it('never asks for the body of one who may not send it', async () => {
    const client = await wire();
    client.send(requestHead('PUT', `/${bucket}/large`, { 'content-length': 1_000_000_000, expect: '100-continue' }));
    expect(await client.until(/<\/Error>$/)).toMatch(/^HTTP\/1.1 403 /);
    const user = await wire();
    user.send(signedHead('PUT', `/${bucket}/asked`, { 'content-length': '4', expect: '100-continue' }));
    await user.until(/^HTTP\/1.1 100 Continue/);
    user.send('body');
    await user.until(/HTTP\/1.1 200 OK/);
  });

  it('ends connections that say nothing, and headers and bodies that stop coming', async () => {
    const [silent, headers, body] = [await wire(), await wire(), await wire()];
    headers.send('PUT / HTTP/1.1\r\nhost: x\r\nx-a: ');
    body.send(signedHead('PUT', `/${bucket}/stopped`, { 'content-length': '100000' }) + 'x'.repeat(1000));
    expect(await Promise.all([silent, headers, body].map((one) => one.closed()))).toEqual([true, true, true]);
    expect(await statusOf('stopped')).toBe(404);
  });

  it('ends a body that drips, and lets one that moves take longer than any other request', async () => {
    const [dripping, moving] = [await wire(), await wire()];
    const parts = 30;
    dripping.send(signedHead('PUT', `/${bucket}/dripping`, { 'content-length': '100000' }));
    moving.send(signedHead('PUT', `/${bucket}/moving`, { 'content-length': String(parts * 1000) }));
    let sent = 0;
    const timer = setInterval(() => {
      dripping.send('x');
      if (sent < parts) moving.send('x'.repeat(1000));
      sent += 1;
    }, 100);
    try {
      expect(await dripping.closed()).toBe(true);
      expect(await moving.until(/^HTTP\/1.1 \d+/)).toMatch(/^HTTP\/1.1 200 /);
      expect(sent).toBeGreaterThanOrEqual(parts);
    } finally {
      clearInterval(timer);
    }
    expect([await statusOf('dripping'), await statusOf('moving')]).toEqual([404, 200]);
  });

  it('keeps room for others while uploads of one account take their time', async () => {
    const ben = await storage.user('ben@example.org');
    const uploads = await Promise.all(Array.from({ length: 6 }, () => wire()));
    for (const [n, upload] of uploads.entries())
      upload.send(signedHead('PUT', `/${bucket}/slow-${n}`, { 'content-length': '100000', expect: '100-continue' }));
    const letIn = () => uploads.filter((one) => one.text().includes('100 Continue'));
    const timer = setInterval(() => {
      for (const upload of letIn()) upload.send('x'.repeat(1000));
    }, 100);
    try {
      await eventually(() => letIn().length === 3);
      expect((await storage.signed(ben, { path: '/' })).status).toBe(200);
      expect(letIn()).toHaveLength(3);
    } finally {
      clearInterval(timer);
    }
  });

  it('keeps so many connections of one peer', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => wire()));
    await eventually(() => many.filter((one) => !one.isOpen()).length >= 30);
    for (const { socket } of wires.splice(0)) socket.destroy();
    await eventually(async () => (await statusOf('moving')) === 200);
  });

  it('makes who guesses wait, and nobody who signs rightly', async () => {
    const codes: (string | undefined)[] = [];
    for (let n = 0; n < 8; n += 1) {
      const { body } = await storage.signed({ ...ada, token: `guess-${n}` }, { path: `/${bucket}` });
      codes.push(/<Code>(\w+)<\/Code>/.exec(body)?.[1]);
    }
    expect(codes).toEqual([...Array<string>(5).fill('SignatureDoesNotMatch'), 'SlowDown', 'SlowDown', 'SlowDown']);
    expect(await statusOf('moving')).toBe(200);
    const more = { path: `/${bucket}`, headers: { 'x-forwarded-for': '203.0.113.7' } };
    expect((await storage.signed({ ...ada, token: 'guess' }, more)).status).toBe(503);
  });
});
