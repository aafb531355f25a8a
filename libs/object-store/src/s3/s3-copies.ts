import { text } from 'node:stream/consumers';
import { eachLimited } from '@fornax/base';
import { childText, readXml } from '@fornax/s3';
import { type ObjectHeaders, type ObjectInfo, type Place, ServiceFailed } from '../port/object-store.js';
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
  async copy(from: Place, to: Place, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#put(from, to, '', headers);
  }

  /** Copies an object as it is found, in parts where it is larger than one request may copy. */
  async copyAll(
    from: Place,
    to: Place,
    { sizeBytes, headersOf }: { readonly sizeBytes: number; readonly headersOf: () => Promise<ObjectInfo | undefined> },
  ): Promise<void> {
    if (sizeBytes <= this.mostBytes) return this.copy(from, to);
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
        etags[at] = await this.#put(from, to, `partNumber=${at + 1}&uploadId=${encodeURIComponent(upload.uploadId)}`, {
          'x-amz-copy-source-if-match': `"${etag}"`,
          'x-amz-copy-source-range': `bytes=${start}-${Math.min(start + partBytes, sizeBytes) - 1}`,
        });
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

  /** @returns the ETag of what is there now */
  async #put(from: Place, to: Place, query: string, headers: Readonly<Record<string, string>>): Promise<string> {
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
    if (etag !== undefined && root !== 'Error') return unquoted(etag);
    throw refusalOf(childText(content, 'Code') ?? 'an incomplete answer', childText(content, 'Message') ?? '');
  }
}
