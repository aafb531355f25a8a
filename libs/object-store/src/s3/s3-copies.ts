import { text } from 'node:stream/consumers';
import { eachLimited } from '@fornax/base';
import { childText, readXml } from '@fornax/s3';
import { type Copied, type ObjectHeaders, type ObjectInfo, type Place, ServiceFailed } from '../port/object-store.js';
import { refusalOf, refused, unquoted } from './answers.js';
import type { S3Service } from './s3-service.js';
import type { S3Uploads } from './s3-uploads.js';

/** Most bytes that S3 copies in one request (Amazon S3 API reference, CopyObject). */
const MOST_BYTES = 5 * 1024 ** 3;
const PART_BYTES = 1024 ** 3;
const PARALLEL_PARTS = 4;

/** Copies of objects, which the service makes by itself. */
export class S3Copies {
  constructor(
    private readonly service: S3Service,
    private readonly uploads: S3Uploads,
    private readonly mostBytes: number = MOST_BYTES,
  ) {}

  /** Copies in one request. @param headers those of the request @throws StoreRefusal @throws ServiceFailed */
  async copy(from: Place, to: Place, headers: Readonly<Record<string, string>> = {}): Promise<Copied> {
    return this.#put(from, to, '', headers);
  }

  /** Copies an object as it is found, in parts where it is larger than one request may copy. */
  async copyAll(
    from: Place,
    to: Place,
    { sizeBytes, headersOf }: { readonly sizeBytes: number; readonly headersOf: () => Promise<ObjectInfo | undefined> },
  ): Promise<void> {
    if (sizeBytes <= this.mostBytes) {
      await this.copy(from, to);
      return;
    }
    const info = await headersOf();
    if (!info) throw new ServiceFailed('NoSuchKey');
    await this.#copyParts(from, to, info);
  }

  async #copyParts(from: Place, to: Place, { sizeBytes, etag, ...headers }: ObjectInfo): Promise<void> {
    const upload = { ...to, uploadId: await this.uploads.create(to.bucket, to.key, headers satisfies ObjectHeaders) };
    const partBytes = Math.min(PART_BYTES, this.mostBytes);
    const starts = Array.from({ length: Math.ceil(sizeBytes / partBytes) }, (_, at) => at * partBytes);
    const etags: string[] = [];
    try {
      await eachLimited([...starts.entries()], PARALLEL_PARTS, async ([at, start]) => {
        const query = `partNumber=${at + 1}&uploadId=${encodeURIComponent(upload.uploadId)}`;
        const part = await this.#put(from, to, query, {
          'x-amz-copy-source-if-match': `"${etag}"`,
          'x-amz-copy-source-range': `bytes=${start}-${Math.min(start + partBytes, sizeBytes) - 1}`,
        });
        etags[at] = part.etag;
      });
      await this.uploads.complete(
        upload,
        etags.map((part, at) => ({ partNumber: at + 1, etag: part })),
      );
    } catch (error) {
      await this.uploads.abort(upload).catch(() => undefined); // what went wrong is the first thing to tell
      throw error;
    }
  }

  /** @returns what is there now, as the service's answer says it: nobody has to ask once more */
  async #put(from: Place, to: Place, query: string, headers: Readonly<Record<string, string>>): Promise<Copied> {
    const { bucket, client, region } = this.service;
    const source = `${bucket}/${this.service.key(from)}`.split('/').map(encodeURIComponent).join('/');
    const response = await client
      .makeRequestAsync(
        {
          method: 'PUT',
          bucketName: bucket,
          objectName: this.service.key(to),
          query,
          headers: { 'x-amz-copy-source': source, ...headers },
        },
        '',
        [200],
        region,
      )
      .catch((error: unknown) => {
        throw refused(error);
      });
    // A service may have begun a good answer before it knows that it fails.
    const { root, content } = readXml(await text(response)) ?? { root: '', content: {} };
    const etag = childText(content, 'ETag');
    const modifiedAt = new Date(childText(content, 'LastModified') ?? '');
    if (etag !== undefined && root !== 'Error' && !Number.isNaN(modifiedAt.getTime()))
      return { etag: unquoted(etag), modifiedAt };
    throw refusalOf(childText(content, 'Code') ?? 'an incomplete answer', childText(content, 'Message') ?? '');
  }
}
