import { api, bodyOf, Refused } from './client.ts';
import type { paths } from './schema.d.ts';
import type { Read } from './wire.ts';

type Links = Read<'/fornax/v1/buckets/{bucket}/links'>;
/** What a link is asked for. */
export type Asked = paths['/fornax/v1/buckets/{bucket}/links']['get']['parameters']['query'];

/** Links to the S3 endpoint for one thing to do: the page itself has no keys to sign with. @throws Refused */
export const linksFor = (bucket: string, query: Asked): Promise<Links> =>
  bodyOf(api.GET('/fornax/v1/buckets/{bucket}/links', { params: { path: { bucket }, query } }));

export const linkFor = async (bucket: string, query: Asked): Promise<string> =>
  (await linksFor(bucket, query)).urls[0] ?? '';

/** What the S3 endpoint says is an XML document, read as data: nothing of it becomes a part of the page. */
export const xmlOf = (text: string): Document =>
  // What is no document becomes one that says so in a style of its own, which the policy of the page refuses.
  text === '' ? new Document() : new DOMParser().parseFromString(text, 'application/xml');

/** The text of the first element of a name; nothing where there is none. */
export const textIn = (node: Element | Document, name: string): string => node.querySelector(name)?.textContent ?? '';

/** The document that the storage answers with. @throws Refused */
export const saidBy = async (response: Response): Promise<Document> => {
  const document = xmlOf(await response.text());
  if (!response.ok) throw new Refused(response.status, textIn(document, 'Message') || 'The storage said no');
  return document;
};

/** Asks the storage by a link of its own. */
export const ask = async (
  bucket: string,
  query: Asked,
  method: string,
  body?: BodyInit,
  signal?: AbortSignal,
): Promise<Response> =>
  fetch(await linkFor(bucket, query), {
    method,
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });

/** Keys come with their characters escaped as in an address, so that XML can hold all of them. */
export const decoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** ETags come in quotes. */
export const bare = (etag: string): string => etag.replaceAll('"', '');
