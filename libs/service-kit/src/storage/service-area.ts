import type { ServiceClaims } from '@fornax/contracts';
import { Unavailable, type Clock } from '@fornax/base';
import { signServiceClaims } from '@fornax/identity';
import { S3Client, S3Connection, S3Error } from '@fornax/s3';

/** Names of the areas on the wire (see the storage service). */
const WIRE_NAMES = {
  output: 'fornax-output',
  tables: 'fornax-tables',
  manifests: 'fornax-manifests',
} as const satisfies Record<ServiceClaims['area'], string>;
const TOKEN_LIFE_MS = 5 * 60_000;
const TIMEOUT_MS = 30_000;
/** What a storage answers of an object whose file it cannot read. */
const FAILED = 500;
/** The end of a key that no object has. */
const NEVER_THERE = '.is-anybody-there';

export interface ServiceAreaOptions {
  /** Address of the storage; undefined: there is none, and every call is refused. */
  readonly endpoint: string | undefined;
  readonly service: string;
  readonly area: ServiceClaims['area'];
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  /** Says what cannot be reached when the storage does not answer. */
  readonly outage: string;
}

/** An area of the object storage that is the platform's own: no user sees it, and no quota counts it. */
export class ServiceArea {
  readonly #connection: S3Connection | undefined;

  constructor(private readonly options: ServiceAreaOptions) {
    const { endpoint, clock } = options;
    if (endpoint !== undefined) this.#connection = new S3Connection({ endpoint, now: () => clock.now() });
  }

  /** False when no address of the storage is set. */
  get isThere(): boolean {
    return this.#connection !== undefined;
  }

  /** Replaces what is there under the key. @throws Unavailable */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#asking((s3, name, options) => s3.putObject(name, key, bytes, options));
  }

  /** `length` bytes from `start`, or to the end. @throws Unavailable also when there is no such object */
  get(key: string, start?: number, length?: number): Promise<Buffer> {
    const range = { ...(start === undefined ? {} : { start }), ...(length === undefined ? {} : { length }) };
    return this.#asking((s3, name, options) => s3.getBytes(name, key, { ...range, ...options }));
  }

  /** The whole object, or its first bytes; undefined when there is none. @param most of so many bytes @throws Unavailable */
  find(key: string, most?: number): Promise<Buffer | undefined> {
    const range = most === undefined ? {} : { start: 0, length: most };
    return this.#asking((s3, name, options) =>
      s3.getBytes(name, key, { ...range, ...options }).catch((error: unknown) => {
        if (error instanceof S3Error && error.status === 404) return undefined;
        throw error;
      }),
    );
  }

  /**
   * The same as `find`, told from an object that the storage has and cannot give: it answers, and fails with this one whenever it is asked.
   * @throws Unavailable the storage is away
   */
  async findWhole(key: string, most: number): Promise<Buffer | 'damaged' | undefined> {
    const isStorages = ({ cause }: Unavailable): boolean => cause instanceof S3Error && cause.status === FAILED;
    const find = (): Promise<Buffer | undefined | Unavailable> =>
      this.find(key, most).catch((error: unknown) => {
        if (error instanceof Unavailable && isStorages(error)) return error;
        throw error;
      });
    const first = await find();
    if (!(first instanceof Unavailable)) return first;
    // Nothing is there: a storage that is away says so once more.
    await this.find(`${key}${NEVER_THERE}`, 1);
    // It may have come back only now.
    const again = await find();
    return again instanceof Unavailable ? 'damaged' : again;
  }

  /** A missing object is no error. @throws Unavailable */
  async delete(key: string): Promise<void> {
    await this.#asking((s3, name, options) => s3.deleteObject(name, key, options));
  }

  close(): void {
    this.#connection?.close();
  }

  /** With a token for this one request. */
  async #asking<T>(
    ask: (s3: S3Client, name: string, options: { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const { service, area, masterKey, clock, outage } = this.options;
    try {
      if (!this.#connection) throw new Error('no address of the storage is set');
      const now = clock.now();
      const claims = { service, area, expiresAt: now + TOKEN_LIFE_MS };
      const s3 = new S3Client({ ...signServiceClaims(masterKey, claims), connection: this.#connection });
      return await ask(s3, WIRE_NAMES[area], { signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw new Unavailable(outage, { cause });
    }
  }
}
