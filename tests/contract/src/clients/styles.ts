import { platform } from '../platform.js';
import { exchange, type Answer } from '../http/exchange.js';

/** Which client's requests are sent. Python is the real one and is not here. */
export type OfficialStyle = 'node' | 'csharp' | 'cli';
export type Style = OfficialStyle | 'go' | 'rust';

export interface Asked {
  readonly body?: unknown;
  readonly token?: string;
  /** Beside the client's own. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends what one client sends: its headers, its casing, its way with an empty body. */
export interface StyledClient<S extends Style = Style> {
  readonly style: S;
  send(method: string, path: string, asked?: Asked): Promise<Answer>;
  /** The body of a creation, as this client writes it. */
  creation(task: TaskInput): Readonly<Record<string, unknown>>;
  page(asked: PageInput): Readonly<Record<string, unknown>>;
  leaf(field: string, operator: string, value: unknown): object;
  node(operator: 'And' | 'Or', filters: readonly object[]): object;
}

export type TaskInput = Readonly<Record<string, unknown>>;

export interface PageInput {
  readonly token?: string | null;
  readonly filter?: object | null;
  readonly maximumResults?: number | null;
  readonly orderBy?: string | null;
  readonly orderType?: 'ASC' | 'DESC' | null;
}

const common = { 'user-agent': 'axios/1.15.0', accept: 'application/json, text/plain, */*' };

/** axios: a form content type when there is no body. */
const nodeHeaders = (method: string, body: string | undefined): Record<string, string> => {
  if (body !== undefined) return { ...common, 'content-type': 'application/json' };
  const isEmptyForm = method === 'POST' || method === 'PATCH';
  return isEmptyForm ? { ...common, 'content-type': 'application/x-www-form-urlencoded' } : common;
};

const dotnetHeaders = (_: string, body: string | undefined): Record<string, string> => ({
  accept: 'application/json',
  ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
});

/** Both third-party clients say JSON with every request, with or without a body, and never what they accept. */
const alwaysJson = (): Record<string, string> => ({ 'content-type': 'application/json' });

const sender =
  (headersOf: typeof nodeHeaders, pathOf = (path: string): string => path) =>
  (method: string, path: string, { body, token = platform.token, headers = {} }: Asked = {}): Promise<Answer> => {
    const sent = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const isEmpty = sent === undefined && method !== 'GET' && method !== 'DELETE' && method !== 'HEAD';
    const length = isEmpty ? { 'content-length': '0' } : {};
    const contents = sent === undefined ? length : { 'content-length': String(Buffer.byteLength(sent)) };
    return exchange({
      method,
      path: pathOf(path),
      headers: { authorization: token, ...headersOf(method, sent), ...contents, ...headers },
      ...(sent === undefined ? {} : { body: sent }),
    });
  };

const capital = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);

/** Keys that hold a user's own keys. */
const VERBATIM = new Set(['labels']);

/** .NET's names all the way down. */
export const pascal = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(pascal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [capital(key), VERBATIM.has(key) ? item : pascal(item)]),
  );
};

const NO_GUID = '00000000-0000-0000-0000-000000000000';
const NO_DATE = '0001-01-01T00:00:00';

/** The whole DTO of the C# client as it is before anybody sets anything: it is sent so, answers' fields and all. */
const DOTNET_TASK = {
  Errors: [],
  State: null,
  PreviousState: null,
  StateTransitionTime: NO_DATE,
  PreviousStateTransitionTime: NO_DATE,
  LastModified: NO_DATE,
  CreationDate: NO_DATE,
  EndDate: NO_DATE,
  ResourceBuckets: [],
  AdvancedResourceBuckets: [],
  ResultBucket: null,
  ResultsBucketPrefix: null,
  ResultsCacheTTLSec: null,
  ResultsCount: 0,
  ResultsWhitelist: null,
  ResultsBlacklist: null,
  SnapshotInterval: 0,
  SnapshotWhitelist: null,
  SnapshotBlacklist: null,
  SnapshotBucket: null,
  SnapshotBucketPrefix: null,
  Constants: [],
  ForcedConstants: [],
  Constraints: [],
  HardwareConstraints: [],
  SecretsAccessRights: { BySecret: [], ByPrefix: [] },
  Tags: null,
  Labels: {},
  Dependencies: { DependsOn: [], AdvancedDependsOn: [] },
  CompletedInstances: [],
  Status: null,
  AutoDeleteOnCompletion: false,
  CompletionTimeToLive: '00:00:00',
  MaxTimeQueueSeconds: null,
  WaitForPoolResourcesSynchronization: null,
  DefaultResourcesCacheTTLSec: null,
  SchedulingType: null,
  TargetedReservedMachineKey: null,
  TargetedReservationName: null,
  Privileges: { ExportApiAndStorageCredentialsInEnvironment: false },
  RetrySettings: { MaxTotalRetries: null, MaxPerInstanceRetries: null },
  ForcedNetworkRules: [],
  ProjectUuid: null,
  MaxRetriesPerInstance: null,
  InstanceCount: 0,
  AdvancedRanges: null,
  RunningInstanceCount: 0,
  RunningCoreCount: 0,
  ExecutionTime: null,
  WallTime: null,
  Uuid: NO_GUID,
  Name: null,
  Shortname: null,
  Profile: null,
  PoolUuid: null,
  JobUuid: null,
};

const ENUMS: Readonly<Record<string, readonly string[]>> = { Access: ['ReadOnly', 'ReadWrite'] };

/** .NET writes this enumeration as a number. */
const withNumbers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const names = ENUMS[key];
      if (names === undefined || typeof item !== 'string') return [key, withNumbers(item)];
      return [key, names.findIndex((name) => name.toLowerCase() === item.toLowerCase())];
    }),
  );
};

const dotnetLeaf = (field: string, operator: string, value: unknown): object =>
  operator === 'In' || operator === 'NotIn'
    ? { Values: value, Field: field, Operator: operator }
    : { Value: value, Field: field, Operator: operator };

const dotnet = <S extends 'csharp' | 'cli'>(style: S): StyledClient<S> => ({
  style,
  send: sender(dotnetHeaders),
  creation: (task) => ({ ...DOTNET_TASK, ...(withNumbers(pascal(task)) as object) }),
  page: ({ token = null, filter = null, maximumResults = null }) => ({
    Token: token,
    // The command line always wraps its filters.
    Filter: style === 'cli' && filter !== null ? { Operator: 'And', Filters: [filter] } : filter,
    MaximumResults: maximumResults ?? (style === 'cli' ? 20 : null),
  }),
  leaf: dotnetLeaf,
  node: (operator, filters) => ({ Operator: operator, Filters: filters }),
});

const node: StyledClient<'node'> = {
  style: 'node',
  send: sender(nodeHeaders),
  creation: (task) => task,
  page: ({ token = null, filter = null, maximumResults = 20, orderBy = null, orderType = null }) => ({
    Token: token,
    Filter: filter,
    MaximumResults: maximumResults,
    OrderBy: orderBy,
    OrderType: orderType,
  }),
  leaf: (field, operator, value) => ({ field, operator, value }),
  node: (operator, filters) => ({ operator, filters }),
};

/** Go: `/v1` paths, camelCase. */
const go: StyledClient<'go'> = { ...node, style: 'go', send: sender(alwaysJson, (path) => `/v1${path}`) };
/** Rust: joins `/v1/` and a path that begins with a slash. */
const rust: StyledClient<'rust'> = { ...node, style: 'rust', send: sender(alwaysJson, (path) => `/v1/${path}`) };

const all: { readonly [S in Style]: StyledClient<S> } = {
  node,
  csharp: dotnet('csharp'),
  cli: dotnet('cli'),
  go,
  rust,
};

const clientIn = <S extends Style>(style: S): StyledClient<S> => all[style];
export const nodeStyle = all.node;
export const csharpStyle = all.csharp;
export const cliStyle = all.cli;

/** For `describe.each`: `[row 12 $style]`. */
export const styles = <S extends Style>(...names: readonly S[]): readonly StyledClient<S>[] =>
  names.map((name) => clientIn(name));
export const everyStyle = styles('node', 'csharp', 'cli');
