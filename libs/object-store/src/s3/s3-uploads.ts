import {
  type ByteSource,
  type ObjectHeaders,
  type ObjectInfo,
  type PartInfo,
  type PartRef,
  type Place,
  type Precondition,
  type UploadInfo,
  type Written,
  StoreRefusal,
} from '../port/object-store.js';
import { holds, refused, unquoted, wireHeaders } from './answers.js';
import type { S3Service } from './s3-service.js';
import { fromWire, wirePrefix } from './wire-keys.js';

/** An upload in parts that was begun. */
export type Upload = Place & { readonly uploadId: string };

/** Uploads in parts, which are the service's own. */
export class S3Uploads {
  constructor(
    private readonly service: S3Service,
    private readonly head: (bucket: string, key: string) => Promise<ObjectInfo | undefined>,
  ) {}

  create(bucket: string, key: string, headers: ObjectHeaders): Promise<string> {
    return this.service.client
      .initiateNewMultipartUpload(this.service.bucket, this.service.key({ bucket, key }), wireHeaders(headers))
      .catch((error: unknown) => {
        throw refused(error);
      });
  }

  putPart(upload: Upload, partNumber: number, source: ByteSource, sizeBytes: number): Promise<Written> {
    const query = `partNumber=${partNumber}&uploadId=${encodeURIComponent(upload.uploadId)}`;
    return this.service.send('PUT', this.service.key(upload), query, {}, source, sizeBytes);
  }

  /** The client sends no condition with a completion: it is judged right before, so writers at the same moment may both succeed. */
  async complete(upload: Upload, parts: readonly PartRef[], precondition?: Precondition): Promise<Written> {
    if (precondition !== undefined) await this.#expect(upload, precondition);
    if (parts.length === 0) throw new StoreRefusal('InvalidPart', 'an upload is completed with at least one part');
    // Not every server looks at the order first, and then the answer differs.
    if (parts.some(({ partNumber }, at) => at > 0 && partNumber <= (parts[at - 1]?.partNumber ?? 0))) {
      throw new StoreRefusal('InvalidPartOrder', 'the parts are not in ascending order');
    }
    const etags = parts.map(({ partNumber, etag }) => ({ part: partNumber, etag }));
    const { etag } = await this.service.client
      .completeMultipartUpload(this.service.bucket, this.service.key(upload), upload.uploadId, etags)
      .catch((error: unknown) => {
        throw refused(error);
      });
    const info = await this.head(upload.bucket, upload.key);
    return { etag: unquoted(etag), sizeBytes: info?.sizeBytes ?? 0 };
  }

  async #expect({ bucket, key }: Place, precondition: Precondition): Promise<void> {
    if (!holds(precondition, await this.head(bucket, key)))
      throw new StoreRefusal('PreconditionFailed', 'the object is not what the writer expects it to be');
  }

  async abort(upload: Upload): Promise<void> {
    await this.service.client
      .abortMultipartUpload(this.service.bucket, this.service.key(upload), upload.uploadId)
      .catch((error: unknown) => {
        throw refused(error);
      });
  }

  async listParts(upload: Upload): Promise<readonly PartInfo[]> {
    const parts = await this.service.client
      .partsOf(this.service.bucket, this.service.key(upload), upload.uploadId)
      .catch((error: unknown) => {
        throw refused(error);
      });
    return parts.map(({ part, etag, size, lastModified }) => ({
      partNumber: part,
      etag: unquoted(etag),
      sizeBytes: size,
      modifiedAt: lastModified ?? new Date(0),
    }));
  }

  async list(bucket: string, prefix = ''): Promise<readonly UploadInfo[]> {
    const found: UploadInfo[] = [];
    let keyMarker = '';
    let uploadIdMarker = '';
    for (;;) {
      const page = await this.service.client.listIncompleteUploadsQuery(
        this.service.bucket,
        `${bucket}/${wirePrefix(prefix)}`,
        keyMarker,
        uploadIdMarker,
        '',
      );
      for (const { key, uploadId, initiated } of page.uploads) {
        found.push({
          uploadId: String(uploadId),
          key: fromWire(key.slice(bucket.length + 1)),
          startedAt: new Date(initiated),
        });
      }
      if (!page.isTruncated) return found;
      keyMarker = page.nextKeyMarker;
      uploadIdMarker = page.nextUploadIdMarker;
    }
  }
}
