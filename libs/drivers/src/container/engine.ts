import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type Docker from 'dockerode';

import { errorCode } from '../process/error-code.js';

/** The engine does not answer, or not in time: nothing that a task did. The message is for people. */
export class EngineAway extends Error {
  override readonly name = 'EngineAway';
}

/** The engine refuses what it is asked for, and says why. */
export class EngineRefused extends Error {
  override readonly name = 'EngineRefused';
  constructor(
    /** As in HTTP. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What an engine says of itself. */
export interface EngineFacts {
  readonly name: 'podman' | 'docker';
  readonly version: string;
  /** The name of the machine that it runs on. */
  readonly host: string;
  /** It runs as an ordinary user, whom a container sees as root. */
  readonly isRootless: boolean;
  /** Users of containers are other users on the machine, unless they are told not to. */
  readonly mapsUsers: boolean;
  readonly limits: readonly ('memory' | 'cpu' | 'pids')[];
}

export interface ContainerState {
  readonly isRunning: boolean;
  /** Of its first process, where the engine sees it; 0 once it is over. */
  readonly pid: number;
  readonly wasOutOfMemory: boolean;
}

/** Who pulls. Neither is ever part of a message. */
export interface EngineLogin {
  readonly user: string;
  readonly password: string;
}

export interface EngineImage {
  /** What containers are made of: the digest of its description, whatever its names mean later. */
  readonly id: string;
  readonly config: unknown;
  readonly volumes: readonly string[];
  readonly sizeBytes: number;
}

/** What is at a place in a container. */
export interface ContainerEntry {
  /** Where links led. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/** Kinds of files as Go's `fs.FileMode` has them, which the engines' API tells. */
const GO_FOLDER = 2 ** 31;
const GO_LINK = 2 ** 27;
/** As many as Linux follows. */
const MOST_LINKS = 40;

interface EntryFacts {
  readonly mode: number;
  readonly size: number;
  readonly linkTarget: string;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** An engine says what is at a place in a header of an answer without a body: JSON in Base64. @throws Error it does not */
const entryIn = (answer: unknown): EntryFacts => {
  const headers = isRecord(answer) && isRecord(answer['headers']) ? answer['headers'] : {};
  const told: unknown = JSON.parse(Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString());
  const { mode, size, linkTarget = '' } = isRecord(told) ? told : {};
  if (typeof mode !== 'number' || typeof size !== 'number' || typeof linkTarget !== 'string')
    throw new Error('what the engine says of a file cannot be read');
  return { mode, size, linkTarget };
};

/** How long an answer may take that is only read, and one for which something is made. */
const ANSWER_MS = 10_000;
const WORK_MS = 60_000;
const MOST_REASON = 500;

type Call<T> = (docker: Docker, abortSignal: AbortSignal) => Promise<T>;

const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;

/** What it says itself, without what its library says around that. */
const reasonOf = (error: unknown): string => {
  const json: unknown = typeof error === 'object' && error !== null && 'json' in error ? error.json : undefined;
  const said =
    typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string'
      ? json.message
      : error instanceof Error
        ? error.message
        : String(error);
  return said.trim().slice(0, MOST_REASON);
};

/** What an engine tells line by line of work that it has begun. @returns why it failed */
const failureIn = (told: string): string | undefined => {
  for (const line of told.split('\n')) {
    const said = /^\s*\{/.test(line) ? parsed(line) : undefined;
    if (isRecord(said) && typeof said['error'] === 'string') return said['error'].trim().slice(0, MOST_REASON);
  }
  return undefined;
};

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

/** What takes no signal is not waited for any longer: its connection ends with the engine's. */
const ended = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(new Error('no answer in time'));
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', end);
    work.catch(() => undefined);
  }
};

/** A container engine, by the HTTP API of Docker, which Podman speaks, too; over the socket that it listens at. */
export class Engine {
  #docker: Promise<Docker> | undefined;

  /** @param answerMs how long an answer may take for which nothing is made */
  constructor(
    readonly socket: string,
    private readonly answerMs = ANSWER_MS,
  ) {}

  /** @throws EngineAway */
  async about(): Promise<EngineFacts> {
    const [info, version] = await Promise.all([
      this.#ask(this.answerMs, (docker, abortSignal) => ended(abortSignal, docker.info())),
      this.#ask(this.answerMs, (docker, abortSignal) => ended(abortSignal, docker.version())),
    ]);
    const options: readonly unknown[] = Array.isArray(info.SecurityOptions) ? info.SecurityOptions : [];
    const has = (name: string): boolean => options.some((option) => String(option).startsWith(`name=${name}`));
    const isPodman = JSON.stringify(version).toLowerCase().includes('podman');
    return {
      name: isPodman ? 'podman' : 'docker',
      version: String(version.Version),
      host: String(info.Name),
      isRootless: has('rootless'),
      mapsUsers: has('userns'),
      limits: [
        ...(info.MemoryLimit === true ? (['memory'] as const) : []),
        ...(info.CpuCfsQuota === true ? (['cpu'] as const) : []),
        ...(info.PidsLimit === true ? (['pids'] as const) : []),
      ],
    };
  }

  /** Whether it answers. @throws EngineAway */
  async ping(): Promise<void> {
    await this.#ask(this.answerMs, (docker, abortSignal) => ended(abortSignal, docker.ping()));
  }

  /** @returns its id @throws EngineRefused, EngineAway; the signal's reason: it may come to be all the same, by this name */
  async create(name: string, request: Docker.ContainerCreateOptions, signal?: AbortSignal): Promise<string> {
    const container = await this.#ask(
      WORK_MS,
      (docker, abortSignal) => docker.createContainer({ ...request, name, abortSignal }),
      signal,
    );
    return container.id;
  }

  async start(id: string): Promise<void> {
    await this.#ask(WORK_MS, (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }));
  }

  /** @returns undefined: there is none */
  async state(id: string, signal?: AbortSignal): Promise<ContainerState | undefined> {
    const found = await this.#unlessGone(
      this.answerMs,
      (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal }),
      { signal },
    );
    if (!found) return undefined;
    const { Running: isRunning, Pid: pid, OOMKilled: wasOutOfMemory } = found.State;
    return { isRunning, pid, wasOutOfMemory };
  }

  /** SIGKILL to all that runs in it. Safe to repeat. */
  async kill(id: string): Promise<void> {
    await this.#unlessGone(this.answerMs, (docker, abortSignal) =>
      docker.getContainer(id).kill({ signal: 'SIGKILL', abortSignal }),
    );
  }

  /** Ends and removes a container, by its id or its name, with the volumes that were made for it. @returns whether there was one */
  async remove(id: string): Promise<boolean> {
    try {
      await this.#ask(WORK_MS, (docker, abortSignal) =>
        docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      );
      return true;
    } catch (error) {
      if (error instanceof EngineRefused && error.status === 404) return false;
      throw error;
    }
  }

  /** All containers with a label, also those that do not run. */
  async withLabel(label: string): Promise<readonly string[]> {
    const found = await this.#ask(this.answerMs, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters: { label: [label] }, abortSignal }),
    );
    return found.map(({ Id: id }) => id);
  }

  /**
   * Makes an image of an archive of its root.
   * @param name by which it is found and removed, without a tag: Podman hears none
   */
  async importImage(archive: Buffer, name: string): Promise<void> {
    await this.#ask(WORK_MS, async (docker, abortSignal) => {
      const stream = await docker.importImage(Readable.from([archive]), { repo: name, abortSignal });
      // One that fails has begun with success.
      const failure = failureIn(await text(stream as Readable));
      if (failure !== undefined) throw new EngineRefused(500, failure);
    });
  }

  /**
   * Looks at a place in a container, which need not run, as a process in it would: links lead back into it.
   * @returns undefined: nothing is there, or no container  @throws EngineRefused (409: the container is being removed), EngineAway, the signal's reason
   */
  async look(id: string, path: string, signal?: AbortSignal): Promise<ContainerEntry | undefined> {
    let at = path;
    for (let links = 0; links <= MOST_LINKS; links += 1) {
      const found = await this.#unlessGone(
        this.answerMs,
        (docker, abortSignal) => docker.getContainer(id).infoArchive({ path: at, abortSignal } as { path: string }),
        { signal, gone: [404] },
      );
      if (!found) return undefined;
      const { mode, size, linkTarget } = entryIn(found);
      if ((mode & GO_LINK) === 0 || linkTarget === '' || linkTarget === at)
        return { path: at, isFolder: (mode & GO_FOLDER) !== 0, sizeBytes: size };
      at = linkTarget;
    }
    return undefined;
  }

  /** What lies there, as an archive. Whoever has it reads it, or destroys it. @param path as `look` gave it */
  async archive(id: string, path: string, signal?: AbortSignal): Promise<Readable> {
    const stream = await this.#ask(
      this.answerMs,
      (docker, abortSignal) => docker.getContainer(id).getArchive({ path, abortSignal } as { path: string }),
      signal,
    );
    return stream as Readable;
  }

  /** @param name with a digest, say @returns undefined: it is not here */
  async image(name: string): Promise<EngineImage | undefined> {
    const found = await this.#unlessGone(this.answerMs, (docker, abortSignal) =>
      ended(abortSignal, docker.getImage(name).inspect()),
    );
    if (!found) return undefined;
    const { Id: id, Config: config, Size: sizeBytes } = found;
    return { id, config, volumes: Object.keys(config.Volumes ?? {}), sizeBytes };
  }

  /** Lets an image go, unless a container has it. @returns whether it is gone */
  async removeImage(name: string): Promise<boolean> {
    try {
      await this.#ask(WORK_MS, (docker, abortSignal) => docker.getImage(name).remove({ abortSignal }));
      return true;
    } catch (error) {
      if (error instanceof EngineRefused) return error.status === 404;
      throw error;
    }
  }

  /**
   * Pulls an image.
   * @param hear called with each thing that the engine says of how far it is
   * @throws EngineRefused, EngineAway, the signal's reason
   */
  async pull(
    name: string,
    login: EngineLogin | undefined,
    { signal, hear }: { readonly signal: AbortSignal; readonly hear: (event: unknown) => void },
  ): Promise<void> {
    const authconfig = login && { username: login.user, password: login.password };
    const docker = await this.#open();
    const stream = await this.#wrap(signal, () =>
      docker.pull(name, { ...(authconfig ? { authconfig } : {}), abortSignal: signal }),
    );
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    // A pull that fails has begun with success: that it failed is one of the things that are told, and nothing else (docker-modem hears it as those).
    let failure: string | undefined;
    const hearAll = (event: unknown): void => {
      if (isRecord(event) && typeof event['error'] === 'string') failure = event['error'].trim().slice(0, MOST_REASON);
      hear(event);
    };
    const end = (error: unknown): void =>
      error || failure !== undefined ? reject(error ?? new EngineRefused(500, failure ?? '')) : resolve(undefined);
    docker.modem.followProgress(stream, end, hearAll);
    await this.#wrap(signal, () => promise).finally(() => 'destroy' in stream && (stream.destroy as () => void)());
  }

  /** @param options.gone 409: it does not run any more, or somebody removes it already */
  async #unlessGone<T>(
    ms: number,
    call: Call<T>,
    options: { readonly signal?: AbortSignal | undefined; readonly gone?: readonly number[] } = {},
  ): Promise<T | undefined> {
    const { signal, gone = [304, 404, 409] } = options;
    try {
      return await this.#ask(ms, call, signal);
    } catch (error) {
      if (error instanceof EngineRefused && gone.includes(error.status)) return undefined;
      throw error;
    }
  }

  async #ask<T>(ms: number, call: Call<T>, signal?: AbortSignal): Promise<T> {
    const docker = await this.#open();
    const limit = AbortSignal.timeout(ms);
    try {
      return await this.#wrap(signal, () => call(docker, signal ? AbortSignal.any([signal, limit]) : limit));
    } catch (error) {
      if (limit.aborted && signal?.aborted !== true)
        throw new EngineAway(`the container engine at ${this.socket} did not answer within ${ms / 1_000} s`);
      throw error;
    }
  }

  async #wrap<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof EngineRefused) throw error;
      const status = statusOf(error);
      if (status !== undefined) throw new EngineRefused(status, reasonOf(error));
      const code = errorCode(error);
      const isOfSocket = code !== undefined && /^E[A-Z]+$|^UND_ERR/.test(code);
      if (isOfSocket)
        throw new EngineAway(`the container engine at ${this.socket} does not answer (${reasonOf(error)})`);
      throw new EngineRefused(500, reasonOf(error));
    }
  }

  /** Loaded with the first question: a node without an engine does not have it in memory. */
  async #open(): Promise<Docker> {
    this.#docker ??= import('dockerode').then(({ default: Client }) => new Client({ socketPath: this.socket }));
    return this.#docker;
  }
}
