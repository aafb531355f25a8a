import { NOTHING_TO_ACCEPT } from '@fornax/service-kit';
import type { Service } from './routes.js';
import type { Targets } from './settings.js';

const TIMEOUT_MS = 5000;

/** What one service said; `undefined` when it cannot be reached. */
export interface Said {
  readonly service: Service;
  readonly status: number | undefined;
  readonly body: unknown;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** All services, or some. */
type SomeTargets = Partial<Targets>;
const isService = (targets: SomeTargets, name: string): name is Service => name in targets;

export interface Asking {
  readonly method?: string;
  /** How long a service may take. Default 5 s. */
  readonly timeoutMs?: number;
}

/** Asks every service the same. */
export const askAll = (
  targets: SomeTargets,
  path: string,
  authorization?: string,
  asking: Asking = {},
): Promise<readonly Said[]> =>
  Promise.all(
    Object.entries(targets).flatMap(([name, url]) =>
      isService(targets, name) ? [ask(name, new URL(path, url), authorization, asking)] : [],
    ),
  );

/** Asks one service. */
export const askOne = (targets: Targets, service: Service, path: string, authorization?: string): Promise<Said> =>
  ask(service, new URL(path, targets[service]), authorization);

const ask = async (
  service: Service,
  url: URL,
  authorization: string | undefined,
  { method = 'GET', timeoutMs = TIMEOUT_MS }: Asking = {},
): Promise<Said> => {
  try {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) });
    const body: unknown = await response.json().catch(() => undefined);
    return { service, status: response.status, body };
  } catch {
    return { service, status: undefined, body: undefined };
  }
};

const listIn = (body: unknown, key: string): readonly unknown[] => {
  const list = isObject(body) ? body[key] : undefined;
  return Array.isArray(list) ? list : [];
};

const REFUSALS: readonly (number | undefined)[] = [401, 403, 429];

/** The health of all as one: ready when all are; reasons carry the name of their service. Whoever is refused by one is refused. */
export const healthOf = (said: readonly Said[]): { readonly status: number; readonly body: Json } => {
  const refusal = said.find(({ status }) => REFUSALS.includes(status));
  if (refusal?.status !== undefined && isObject(refusal.body)) return { status: refusal.status, body: refusal.body };
  const told = (key: string) => (one: Said) =>
    listIn(one.body, key).flatMap((reason) =>
      isObject(reason)
        ? [
            {
              name: `${one.service}: ${String(reason['name'])}`,
              reason: String(reason['reason']),
              ...(Array.isArray(reason['ways']) ? { ways: reason['ways'].map(String) } : {}),
              ...(reason['isWorkedOn'] === true ? { isWorkedOn: true } : {}),
            },
          ]
        : [],
    );
  const silent = said.filter(({ status }) => status === undefined);
  const reasons = [
    ...silent.map(({ service }) => ({ name: service, reason: 'cannot be reached' })),
    ...said.flatMap(told('reasons')),
  ];
  const degraded = said.flatMap(told('degraded'));
  const isReady = reasons.length === 0 && said.every(({ status }) => status === 200);
  const warnings = [...new Set(said.flatMap(({ body }) => listIn(body, 'warnings')))];
  const stops = stopsOf(said);
  const releases = said.flatMap(({ body }) =>
    isObject(body) && typeof body['release'] === 'string' ? [body['release']] : [],
  );
  const release = [...new Set(releases)].join(', ');
  const all = [...reasons, ...degraded].map(({ name, reason }) => `${name}: ${reason}`);
  const message = all.length === 0 ? 'ready' : all.join('; ');
  const good = degraded.length === 0 ? 'ready' : 'degraded';
  return {
    status: isReady ? 200 : 503,
    body: {
      status: isReady ? good : 'not ready',
      service: 'router',
      reasons,
      degraded,
      stops,
      warnings,
      release,
      message,
    },
  };
};

/** Of which log each service's rows are, as one: right when it is for all. */
export const logStateOf = (said: readonly Said[]): { readonly status: number; readonly body: unknown } => {
  const failed = said.find(({ status }) => status !== 200);
  if (failed)
    return { status: failed.status ?? 503, body: failed.body ?? { message: `${failed.service} cannot be reached` } };
  const states = said.flatMap(({ body }) => (isObject(body) ? [body] : []));
  const first = states.find((state) => state['isRight'] === false) ?? states[0];
  return { status: 200, body: { ...first, lost: states.flatMap((state) => listIn(state, 'lost')) } };
};

/** Whether a service has accepted the log or had nothing to accept. One that knows another log has not. */
const isAccepted = ({ status, body }: Said): boolean =>
  status === 200 || (status === 409 && isObject(body) && body['message'] === NOTHING_TO_ACCEPT);

/**
 * Has the log accepted by all. The node registry comes first, and the others only after it: it tells nodes to end what the log does not know, and
 * the scheduler, which places again two grace periods after its own acceptance, must not begin to count before.
 */
export const acceptByAll = async (
  ask: (targets: SomeTargets) => Promise<readonly Said[]>,
  targets: Targets,
): Promise<{ readonly status: number; readonly body: unknown }> => {
  const { 'node-registry': registry, ...others } = targets;
  const first = await ask({ 'node-registry': registry });
  if (!first.every(isAccepted)) return acceptedOf(first);
  return acceptedOf([...first, ...(await ask(others))]);
};

/** Whether all have accepted the log. */
const acceptedOf = (said: readonly Said[]): { readonly status: number; readonly body: unknown } => {
  const bad = said.find((one) => !isAccepted(one));
  if (bad)
    return { status: bad.status ?? 503, body: bad.body ?? { message: `${bad.service} cannot be reached: repeat it` } };
  const done = said.find(({ status }) => status === 200) ?? said[0];
  return { status: done?.status ?? 503, body: done?.body };
};

/** Why nothing may be written: what several services say is said once. */
const stopsOf = (said: readonly Said[]): readonly unknown[] => {
  const found = new Map<string, unknown>();
  for (const { body } of said)
    for (const stop of listIn(body, 'stops'))
      if (isObject(stop)) found.set(`${String(stop['name'])} ${String(stop['message'])}`, stop);
  return [...found.values()];
};

/** Whether all is well, and nothing of what is not. */
export const healthForStrangers = (said: readonly Said[]): { readonly status: number; readonly body: Json } => {
  const isReady = said.every(({ status }) => status === 200);
  const isDegraded = said.some(({ body }) => isObject(body) && body['status'] === 'degraded');
  const status = isReady ? (isDegraded ? 'degraded' : 'ready') : 'not ready';
  const message = status === 'ready' ? status : `${status}; with an operator's token this answer says why`;
  const nothing = { reasons: [], degraded: [], stops: [], warnings: [], release: '' };
  return { status: isReady ? 200 : 503, body: { status, service: 'router', ...nothing, message } };
};

const descriptionOf = (document: Json | undefined): Json =>
  isObject(document?.['info']) ? { description: document['info']['description'] } : {};

/** One OpenAPI document with the paths and schemas of all that answered. */
export const openApiOf = (said: readonly Said[]): Json => {
  const documents = said.flatMap(({ body }) => (isObject(body) ? [body] : []));
  const merged = (pick: (document: Json) => unknown): Json =>
    Object.assign({}, ...documents.map(pick).filter(isObject));
  const part =
    (key: string) =>
    (document: Json): unknown =>
      isObject(document['components']) ? document['components'][key] : undefined;
  return {
    openapi: documents[0]?.['openapi'] ?? '3.1.0',
    info: { title: 'Fornax', version: '1', ...descriptionOf(documents[0]) },
    security: documents[0]?.['security'] ?? [],
    paths: merged((document) => document['paths']),
    components: { schemas: merged(part('schemas')), securitySchemes: merged(part('securitySchemes')) },
  };
};

/** The projections of all; who owns which. The first refusal (401, 403) counts for all. */
export const projectionsOf = (said: readonly Said[]): { readonly status: number; readonly body: unknown } => {
  const refusal = said.find(({ status }) => status !== undefined && status >= 400);
  if (refusal) return { status: refusal.status ?? 503, body: refusal.body };
  return { status: 200, body: said.flatMap(({ body }) => (Array.isArray(body) ? body : [])) };
};

export const ownerOfProjection = (said: readonly Said[], name: string): Service | undefined =>
  said.find(
    ({ body }) => Array.isArray(body) && body.some((projection) => isObject(projection) && projection['name'] === name),
  )?.service;
