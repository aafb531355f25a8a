import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

type Variables = Readonly<Record<string, string>>;
/** Null: what whoever runs Compose has, and nothing where that is nothing. */
type ComposeVariables = Readonly<Record<string, string | null>>;

interface ComposeService {
  readonly environment?: ComposeVariables;
  readonly env_file?: readonly string[];
}

/** Where a host and port of the Compose network are on this machine: `nats:4222` to `127.0.0.1:40001`. */
export type Addresses = ReadonlyMap<string, string>;

const interpolated = (text: string): string => text.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');

const moved = (text: string, addresses: Addresses): string =>
  [...addresses].reduce(
    (current, [from, to]) => current.replaceAll(`//${from}`, `//${to}`).replaceAll(`@${from}`, `@${to}`),
    text,
  );

const linesOf = async (path: string): Promise<Variables> =>
  Object.fromEntries(
    (await readFile(path, 'utf8'))
      .split('\n')
      // Not a comment.
      .filter((line) => /^\w+=/.test(line))
      .map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
  );

const given = (variables: ComposeVariables): Variables =>
  Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));

/** What Docker Compose would give the containers of docker-compose.yml, without an engine. */
export class ComposeEnvironment {
  private constructor(
    private readonly services: Readonly<Record<string, ComposeService>>,
    private readonly secrets: string,
  ) {}

  /** @param secrets the folder that infra/init.mjs filled */
  static async read(composeFile: string, secrets: string): Promise<ComposeEnvironment> {
    const file = parse(await readFile(composeFile, 'utf8'), { merge: true }) as {
      readonly services: Readonly<Record<string, ComposeService>>;
    };
    return new ComposeEnvironment(file.services, secrets);
  }

  /** Files first, then the environment, which wins; nothing of this process but what every container has. */
  async of(service: string, addresses: Addresses): Promise<Variables> {
    const { environment = {}, env_file: files = [] } = this.services[service] ?? {};
    const fromFiles = await Promise.all(
      files.map((file) => linesOf(join(this.secrets, file.replace(/^infra\/secrets\//, '')))),
    );
    const all = Object.assign({}, ...fromFiles, given(environment)) as Variables;
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: '/nonexistent',
      NODE_ENV: 'production',
      FORNAX_APP: service,
      ...Object.fromEntries(Object.entries(all).map(([name, value]) => [name, moved(interpolated(value), addresses)])),
    };
  }
}
