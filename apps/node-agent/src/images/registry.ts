import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { z } from 'zod';

import { codeOf } from '../files/job-files.js';
import { UserError } from '../failure/user-error.js';
import { type Descriptor, indexSchema, manifestSchema, type ImageManifest, chosenOf } from './image-manifest.js';
import { type ImageName, isDigest, wordsFor } from './image-name.js';
import { RegistryAway } from './registry-away.js';
import { RegistryRequests } from './registry-requests.js';

/** Who asks. Neither is ever part of a message. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface PullOptions {
  readonly signal: AbortSignal;
  /** Silence after which a request has failed. */
  readonly silenceMs: number;
  /** Called whenever something has come. */
  readonly onMoved: () => void;
  /** Origins beside the registry's own that it may lead to although they are not public. */
  readonly sources?: readonly string[] | undefined;
}

const ACCEPTED = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');
/** What the specification lets a registry refuse beyond. */
const MOST_MANIFEST_BYTES = 4_194_304;
/** Of a layer, written at a time. */
const PIECE_BYTES = 524_288;
const TRIES = 3;
const PAUSE_MS = 300;
/** A registry that asks for a longer pause is not waited for. */
const MOST_PAUSE_MS = 5_000;
/** Answers that say nothing of the image. */
const isAway = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** What `Retry-After` says, in seconds or as a date. */
const pauseIn = (header: string | null, nowMs: number): number | undefined => {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
};

const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The scheme and the parameters of a challenge (RFC 9110). */
export const challengeOf = (
  header: string,
): { readonly scheme: string; readonly parameters: ReadonlyMap<string, string> } => {
  const [scheme = ''] = header.trim().split(/\s/, 1);
  const pairs = header.matchAll(/([a-z_]+)="([^"]*)"/gi);
  return {
    scheme: scheme.toLowerCase(),
    parameters: new Map([...pairs].map(([, name = '', value = '']) => [name.toLowerCase(), value])),
  };
};

/** What is read of an answer, which may say nothing for so long only. */
async function* chunksOf(response: Response, { silenceMs, onMoved, signal }: PullOptions): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  let isWaiting = false;
  let isSilent = false;
  // One for all chunks; who reads slowly is not who says nothing.
  const timer = setTimeout(() => {
    if (!isWaiting) return;
    isSilent = true;
    void reader.cancel().catch(() => undefined);
  }, silenceMs);
  try {
    for (;;) {
      signal.throwIfAborted();
      isWaiting = true;
      timer.refresh();
      const { done, value } = await reader.read().catch((error: unknown) => {
        signal.throwIfAborted();
        throw new RegistryAway(`the registry broke off: ${causeOf(error)}`);
      });
      isWaiting = false;
      if (isSilent) throw new RegistryAway(`the registry said nothing for ${silenceMs} ms`);
      if (done) return;
      onMoved();
      yield value;
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}

/** Puts what comes into a file, in pieces that are worth a step each. */
const write = async (file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  const handle = await open(file, 'w', 0o600);
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let bytes = 0;
  try {
    for await (const chunk of chunks)
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + PIECE_BYTES - bytes);
        piece.set(part, bytes);
        [at, bytes] = [at + part.length, bytes + part.length];
        if (bytes < PIECE_BYTES) continue;
        await handle.writeFile(piece);
        bytes = 0;
      }
    await handle.writeFile(piece.subarray(0, bytes));
  } finally {
    await handle.close();
  }
};

const wholeOf = async (response: Response, mostBytes: number, options: PullOptions): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(response, options)) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new UserError('FX-IMAGE', 'What the registry says of the image is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** An image as the registry describes it, checked. */
export interface FoundImage {
  /** Of the manifest for this kind of machine. */
  readonly digest: string;
  /** Of what the name means on every kind of machine: the same, where the image is for one alone. */
  readonly named: string;
  readonly manifest: ImageManifest;
}

/** One repository of a registry that speaks the HTTP API v2, as one user sees it. */
export class Registry {
  #authorization: string | undefined;
  readonly #requests: RegistryRequests;

  constructor(
    private readonly name: ImageName,
    private readonly login: Login | undefined,
    private readonly options: PullOptions,
  ) {
    this.#requests = new RegistryRequests(name.registry, options.sources);
  }

  /** @throws UserError there is none, it may not be seen, it is damaged; RegistryAway; the signal's reason */
  async find(): Promise<FoundImage> {
    const asked = await this.#document(this.name.reference);
    const index = indexSchema.safeParse(asked.json);
    const named = asked.digest;
    if (!index.success) return { digest: named, named, manifest: this.#manifestIn(asked.json) };
    const chosen = chosenOf(index.data);
    if (!chosen) throw new UserError('FX-IMAGE', `There is no ${wordsFor(this.name)} for linux on ${process.arch}`);
    const { digest, json } = await this.#document(chosen.digest);
    return { digest, named, manifest: this.#manifestIn(json) };
  }

  /** A part that is read whole. @throws as `find` */
  async small(part: Descriptor): Promise<Buffer> {
    if (part.size > MOST_MANIFEST_BYTES) throw this.#broken('its description is too long');
    const bytes = await this.#retrying(async () =>
      wholeOf(await this.#get(`blobs/${part.digest}`, '*/*'), part.size, this.options),
    );
    if (sha256(bytes) !== part.digest) throw this.#broken('the digest of its description is another one');
    return bytes;
  }

  /** Whether who asks is given a part, without what is in it. @throws as `find` */
  async mayHave(part: Descriptor): Promise<void> {
    await this.#retrying(async () => {
      await (await this.#get(`blobs/${part.digest}`, '*/*', 'HEAD')).body?.cancel().catch(() => undefined);
    });
  }

  /** A part that goes into a file. @param onBytes is told what comes, and with less than nothing what has to come again @throws as `find`, and what writing throws */
  async fetch(part: Descriptor, file: string, onBytes: (count: number) => void): Promise<void> {
    let bytes = 0;
    await this.#retrying(async () => {
      const hash = createHash('sha256');
      onBytes(-bytes);
      bytes = 0;
      const response = await this.#get(`blobs/${part.digest}`, '*/*');
      const { options } = this;
      const tooLong = (): Error => this.#broken('a layer is longer than it should be');
      const counted = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunksOf(response, options)) {
          bytes += chunk.length;
          if (bytes > part.size) throw tooLong();
          hash.update(chunk);
          onBytes(chunk.length);
          yield chunk;
        }
      };
      await write(file, counted());
      if (bytes < part.size) throw new RegistryAway('a layer broke off before its end');
      if (`sha256:${hash.digest('hex')}` !== part.digest)
        throw this.#broken(`the digest of the layer ${part.digest} is another one`);
    });
  }

  #broken(why: string): UserError {
    return new UserError('FX-IMAGE', `The image ${wordsFor(this.name)} is damaged: ${why}`);
  }

  #manifestIn(json: unknown): ImageManifest {
    const parsed = manifestSchema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw this.#broken('its manifest is none that is known');
  }

  async #document(reference: string): Promise<{ readonly digest: string; readonly json: unknown }> {
    const bytes = await this.#retrying(async () =>
      wholeOf(await this.#get(`manifests/${reference}`, ACCEPTED), MOST_MANIFEST_BYTES, this.options),
    );
    const digest = sha256(bytes);
    if (isDigest(reference) && digest !== reference) throw this.#broken('the digest of its manifest is another one');
    try {
      return { digest, json: JSON.parse(bytes.toString('utf8')) as unknown };
    } catch {
      throw this.#broken('its manifest cannot be read');
    }
  }

  /** Again, a few times, what failed for a reason that may be gone by then. */
  async #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        const { signal } = this.options;
        signal.throwIfAborted();
        if (!(error instanceof RegistryAway) || tries === TRIES) throw error;
        const pauseMs = Math.max(PAUSE_MS * 2 ** tries, error.retryAfterMs ?? 0);
        if (pauseMs > MOST_PAUSE_MS) throw error;
        await delay(pauseMs, undefined, { signal });
      }
    }
  }

  async #get(path: string, accept: string, method: 'GET' | 'HEAD' = 'GET'): Promise<Response> {
    const url = `${this.name.registry}/v2/${this.name.repository}/${path}`;
    const first = await this.#ask(url, accept, this.#authorization, method);
    if (first.status !== 401) return this.#checked(first);
    await first.body?.cancel().catch(() => undefined);
    this.#authorization = await this.#authorize(first.headers.get('www-authenticate') ?? '');
    return this.#checked(await this.#ask(url, accept, this.#authorization, method));
  }

  async #ask(
    url: string,
    accept: string,
    authorization: string | undefined,
    method: 'GET' | 'HEAD' = 'GET',
  ): Promise<Response> {
    const { signal, silenceMs } = this.options;
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), silenceMs);
    try {
      // A registry that sends on has said yes; a link that it signed for GET says no to anything else.
      const follows = method === 'GET';
      const until = AbortSignal.any([signal, silence.signal]);
      return await this.#requests.send(new URL(url), { method, accept, authorization, follows, signal: until });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UserError || error instanceof RegistryAway) throw error;
      const why = silence.signal.aborted ? `said nothing for ${silenceMs} ms` : `cannot be reached: ${causeOf(error)}`;
      throw new RegistryAway(`the registry ${new URL(url).host} ${why}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param giver the host that gives tokens, where it is its answer */
  async #checked(response: Response, giver?: string): Promise<Response> {
    const { status } = response;
    if (response.ok || (status >= 300 && status < 400)) return response;
    await response.body?.cancel().catch(() => undefined);
    const words = wordsFor(this.name);
    if (status === 401 || status === 403)
      throw new UserError(
        'FX-IMAGE-ACCESS',
        this.login
          ? `The registry refuses ${words} to this DOCKER_REGISTRY_LOGIN and DOCKER_REGISTRY_PASSWORD, or has no such image`
          : `The registry refuses ${words} to who does not log in, or has no such image: set DOCKER_REGISTRY_LOGIN and DOCKER_REGISTRY_PASSWORD`,
      );
    if (status === 404 && giver === undefined) throw new UserError('FX-IMAGE', `The registry has no image ${words}`);
    const { host } = new URL(this.name.registry);
    const who = giver === undefined ? `the registry ${host}` : `${giver}, which gives tokens for the registry ${host},`;
    const text = `${who} answered ${status} when it was asked for ${words}`;
    throw isAway(status)
      ? new RegistryAway(text, pauseIn(response.headers.get('retry-after'), Date.now()))
      : new Error(text);
  }

  /** What to say to be let in. @throws UserError it lets nobody in who says what we know */
  async #authorize(header: string): Promise<string | undefined> {
    const { scheme, parameters } = challengeOf(header);
    const basic = this.login
      ? `Basic ${Buffer.from(`${this.login.user}:${this.login.password}`).toString('base64')}`
      : undefined;
    if (scheme === 'basic') return basic;
    const realm = parameters.get('realm') ?? '';
    if (scheme !== 'bearer' || !URL.canParse(realm)) return undefined;
    const url = new URL(realm);
    // Who asks over TLS never says a password without it.
    if (url.protocol !== 'https:' && url.protocol !== new URL(this.name.registry).protocol) return undefined;
    const service = parameters.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${this.name.repository}:pull`);
    const response = await this.#checked(await this.#ask(url.href, 'application/json', basic), url.host);
    const text = (await wholeOf(response, MOST_MANIFEST_BYTES, this.options)).toString('utf8');
    const { token, access_token: other } = tokenIn(text);
    const given = token ?? other;
    return given === undefined ? undefined : `Bearer ${given}`;
  }
}

const tokenIn = (text: string): z.output<typeof tokenSchema> => {
  try {
    return tokenSchema.parse(JSON.parse(text));
  } catch {
    throw new RegistryAway('the registry gave a token that cannot be read');
  }
};

/** The system's word for what went wrong; never the whole message, which may say more than a user should read. */
const causeOf = (error: unknown): string => {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : error;
  return codeOf(cause) || 'no answer';
};
