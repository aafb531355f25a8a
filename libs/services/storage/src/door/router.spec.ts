import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

import * as sdk from '@aws-sdk/client-s3';
import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';

import { withCarriedHeaders } from './carried-headers.js';
import { operationOf } from './router.js';
import { parseRequest, type S3Request } from '../s3/s3-request.js';

const requestOf = (method: string, url: string): S3Request => {
  const message = new IncomingMessage(new Socket());
  message.method = method;
  message.url = url;
  return parseRequest(message, []);
};
/** @returns the code of the refusal; undefined when it is offered */
const refusalOf = (method: string, url: string): string | undefined => {
  try {
    operationOf(requestOf(method, url));
    return undefined;
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
};

/** Every operation of the SDK's model of S3, as [name, method, template of the path]. */
const MODEL = Object.values(sdk).flatMap((value: unknown) => {
  if (!Array.isArray(value) || value[0] !== 9) return [];
  const [, , name, traits] = value as [number, string, string, { readonly http?: readonly [string, string, number] }];
  const [method, template] = traits.http ?? [];
  // Object Lambda answers at a host of its own.
  return method === undefined || template === undefined || name === 'WriteGetObjectResponse'
    ? []
    : [[name, method, template] as const];
});

const OFFERED = [
  'AbortMultipartUpload',
  'CompleteMultipartUpload',
  'CopyObject',
  'CreateBucket',
  'CreateMultipartUpload',
  'DeleteBucket',
  'DeleteObject',
  'DeleteObjects',
  'GetBucketAcl',
  'GetBucketCors',
  'GetBucketEncryption',
  'GetBucketLifecycleConfiguration',
  'GetBucketLocation',
  'GetBucketPolicy',
  'GetBucketTagging',
  'GetBucketVersioning',
  'GetObject',
  'GetObjectAcl',
  'GetObjectAttributes',
  'GetObjectTagging',
  'HeadBucket',
  'HeadObject',
  'ListBuckets',
  'ListMultipartUploads',
  'ListObjectVersions',
  'ListObjects',
  'ListObjectsV2',
  'ListParts',
  'PutObject',
  'UploadPart',
  'UploadPartCopy',
];

describe('what a request asks for', () => {
  it.each(MODEL)('%s is offered or not implemented', (name, method, template) => {
    const [path = '', query = ''] = template.replace('{Key+}', 'k').split('?');
    // The model names the service's root where an operation is about a bucket that stands in the host name.
    const isOfService = name === 'ListBuckets' || name === 'ListDirectoryBuckets';
    const url = isOfService ? '/' : `/bucket${path === '/' ? '' : path}`;
    // What the model asks for by a member of its input, not by its path.
    const member = name === 'CompleteMultipartUpload' ? 'uploadId=u' : '';
    const wanted = [query, member].filter((part) => part !== '').join('&');
    // Amazon tells it from ListBuckets by the host.
    const isTwin = name === 'ListDirectoryBuckets';
    const refusal = refusalOf(method, `${url}${wanted === '' ? '' : `?${wanted}`}`);
    if (OFFERED.includes(name)) expect(refusal).toBeUndefined();
    else if (!isTwin) expect(refusal).toBe('NotImplemented');
  });

  it('is walked through whole', () => {
    expect(MODEL.length).toBeGreaterThan(100);
    expect(OFFERED.filter((name) => !MODEL.some(([one]) => one === name))).toEqual([]);
  });

  it.each([
    ['PUT', '/b/k?somethingOfNextYear'],
    ['DELETE', '/b?somethingOfNextYear=1'],
    ['DELETE', '/b/k?annotation'],
    ['DELETE', '/b?metadataConfiguration'],
    ['PUT', '/b/k?acl'],
    ['PUT', '/b/k?uploadId=u&partNumber=1&append'],
    ['GET', '/b/k?torrent'],
    ['GET', '/b?acl&tagging'],
    ['GET', '/b/k?ACL'],
    ['GET', '/?prefix=a&policy'],
    ['HEAD', '/b?list-type=2'],
  ])('is not implemented: %s %s', (method, url) => expect(refusalOf(method, url)).toBe('NotImplemented'));

  it.each([
    ['POST', '/'],
    ['DELETE', '/'],
    ['PATCH', '/b'],
    ['POST', '/b/k'],
    ['OPTIONS', '/b/k?X-Amz-Algorithm=x'],
  ])('has a method that is none here: %s %s', (method, url) => expect(refusalOf(method, url)).toBe('MethodNotAllowed'));

  it('is never about a version that there is not', () => {
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      expect(refusalOf(method, '/b/k?versionId=null')).toBeUndefined();
      expect(refusalOf(method, '/b/k?versionId=3HL4kqtJlcpXroDTDmJ')).toBe('NoSuchVersion');
      expect(refusalOf(method, '/b/k?versionId=')).toBe('NoSuchVersion');
    }
    expect(refusalOf('PUT', '/b/k?versionId=null')).toBe('NotImplemented');
  });
});

describe('headers that a presigned URL carries', () => {
  const carried = (query: string): S3Request =>
    withCarriedHeaders(requestOf('PUT', `/b/k?X-Amz-Algorithm=A&X-Amz-Signature=s&${query}`));

  it('are headers, and the rest stays a query', () => {
    const { headers, query } = carried('x-amz-copy-source=%2Fb%2Fother&X-Amz-Meta-Mood=good&x-id=CopyObject');
    expect(Object.fromEntries(headers)).toEqual({ 'x-amz-copy-source': '/b/other', 'x-amz-meta-mood': 'good' });
    expect(query.map(([name]) => name)).toEqual(['X-Amz-Algorithm', 'X-Amz-Signature', 'x-id']);
  });

  it('give way to one that is sent', () => {
    const request = requestOf('PUT', '/b/k?X-Amz-Algorithm=A&x-amz-acl=private');
    const sent = { ...request, headers: new Map([['x-amz-acl', 'public-read']]) };
    expect(withCarriedHeaders(sent).headers.get('x-amz-acl')).toBe('public-read');
  });
});
