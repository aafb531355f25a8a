import {
  CONTROL_SERVICES,
  LEADER_BUCKET,
  NODES_ACCOUNT,
  NODE_RPC_METHODS,
  RPC,
  SERVICE_RIGHTS,
  STREAMS,
  aggregateSubjects,
  allHeartbeatsSubject,
  allLiveSubject,
  allQuarantineSubject,
  durableRequestSubject,
  nodeRpcPattern,
  readerRequestSubject,
  reportStreamSubjects,
  unionOfRights,
  type ControlService,
  type ServiceRights,
  type StreamName,
  type TakenConsumer,
} from '@fornax/contracts';

/**
 * Who shares an account of the server.
 * - `open`: one user with all rights in the account that owns the log; for tests and tools.
 * - `platform`: all services are one process, with the rights of all of them together.
 * - `services`: each service is a process with rights of its own.
 */
export type NatsLayout = 'open' | 'platform' | 'services';

/** A process of the control plane as the server knows it. */
export type Principal = ControlService | 'platform';

/** Owns JetStream and all streams; nobody but the provisioner (and, in `open`, the services) is in it. */
export const LOG_ACCOUNT = 'LOG';
/** What nodes may ask for, from whoever answers; nobody is in it. */
export const GATE_ACCOUNT = 'GATE';
export const SYSTEM_ACCOUNT = 'SYS';

export interface Import {
  readonly kind: 'service' | 'stream';
  readonly account: string;
  readonly subject: string;
}

export interface Export {
  readonly kind: 'service' | 'stream';
  readonly subject: string;
  /** The only accounts that may import it. */
  readonly accounts: readonly string[];
  /** Answered by many messages, not by one. */
  readonly isStreamed: boolean;
}

export interface Account {
  readonly name: string;
  readonly hasJetStream: boolean;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

export const principalsOf = (layout: NatsLayout): readonly Principal[] => {
  if (layout === 'services') return CONTROL_SERVICES;
  return layout === 'platform' ? ['platform'] : [];
};

export const accountOf = (principal: Principal): string => principal.toUpperCase().replaceAll('-', '_');

const rightsOf = (principal: Principal): ServiceRights =>
  principal === 'platform' ? unionOfRights(CONTROL_SERVICES) : SERVICE_RIGHTS[principal];

const NEXT = '$JS.API.CONSUMER.MSG.NEXT.';
const leaderStream = `KV_${LEADER_BUCKET}`;

/** Reads a stream with consumers that are made for it, whose names nobody else knows. */
const following = (stream: StreamName): readonly string[] => [
  `$JS.API.STREAM.MSG.GET.${stream}`,
  readerRequestSubject(stream),
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
  `${NEXT}${stream}.*`,
];

const taking = ({ stream, durable }: TakenConsumer): readonly string[] => [
  durableRequestSubject(stream, durable),
  `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
  `${NEXT}${stream}.${durable}`,
  `$JS.ACK.${stream}.${durable}.>`,
];

const preparing = (stream: StreamName): readonly string[] => [
  durableRequestSubject(stream, '*'),
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
];

const leading = (election: string): readonly string[] => [
  `$KV.${LEADER_BUCKET}.${election}`,
  `$JS.API.STREAM.INFO.${leaderStream}`,
  `$JS.API.STREAM.MSG.GET.${leaderStream}`,
  `$JS.API.DIRECT.GET.${leaderStream}`,
  `$JS.API.DIRECT.GET.${leaderStream}.$KV.${LEADER_BUCKET}.${election}`,
];

/** Everything of the account that owns the log that these rights need. */
const logSubjectsOf = (rights: ServiceRights): readonly string[] => [
  ...new Set([
    '$JS.API.INFO',
    ...Object.values(STREAMS).map((stream) => `$JS.API.STREAM.INFO.${stream}`),
    ...following(STREAMS.events),
    ...following(STREAMS.quarantine),
    allQuarantineSubject,
    ...rights.appends.map(aggregateSubjects),
    ...rights.sends,
    ...rights.follows.flatMap(following),
    ...rights.purges.map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
    ...rights.takes.flatMap(taking),
    ...rights.prepares.flatMap(preparing),
    // What several elections need is imported once: the server refuses to start with a double.
    ...rights.leads.flatMap(leading),
    ...rights.restores,
  ]),
];

/** What nodes send to the log and take from it. */
const NODE_LOG_SUBJECTS = [
  ...reportStreamSubjects,
  'fx.log.*.>',
  `${NEXT}${STREAMS.dispatch}.*`,
  `$JS.ACK.${STREAMS.dispatch}.*.>`,
] as const;

/** What nodes ask of services or tell them. */
const NODE_SERVICE_SUBJECTS = [allHeartbeatsSubject, allLiveSubject, ...NODE_RPC_METHODS.map(nodeRpcPattern)] as const;

export const NODE_SUBJECTS: readonly string[] = [...NODE_LOG_SUBJECTS, ...NODE_SERVICE_SUBJECTS];

const covers = (pattern: string, subject: string): boolean => {
  const [wanted, given] = [pattern.split('.'), subject.split('.')];
  return wanted.length === given.length && wanted.every((token, at) => token === '*' || token === given[at]);
};

const providerOf = (layout: NatsLayout, subject: string): string => {
  if (layout === 'open') return LOG_ACCOUNT;
  const [provider, ...others] = principalsOf(layout).filter((principal) => {
    const { answers, hears } = rightsOf(principal);
    return [...answers, ...hears].some((pattern) => covers(pattern, subject));
  });
  if (provider === undefined) throw new Error(`nobody answers ${subject}`);
  // The server brings a message that crosses accounts to one of them: a second listener would take it from the first without a word.
  if (others.length > 0) throw new Error(`${[provider, ...others].join(' and ')} cannot both hear ${subject}`);
  return accountOf(provider);
};

const service = (account: string, subject: string): Import => ({ kind: 'service', account, subject });

const importsOf = (layout: NatsLayout, principal: Principal): readonly Import[] => {
  const rights = rightsOf(principal);
  const own = accountOf(principal);
  return [
    ...logSubjectsOf(rights).map((subject) => service(LOG_ACCOUNT, subject)),
    // A release of the lease is seen as it is written, without a consumer.
    ...rights.leads.map(
      (election) => ({ kind: 'stream', account: LOG_ACCOUNT, subject: `$KV.${LEADER_BUCKET}.${election}` }) as const,
    ),
    ...[...rights.asks, ...rights.tells]
      .map((subject) => service(providerOf(layout, subject), subject))
      .filter(({ account }) => account !== own),
  ];
};

/** Every server of a cluster answers. */
const CONNECTIONS = '$SYS.REQ.SERVER.PING.CONNZ';
/** Requests to the server itself that whoever admits nodes needs, to end the connections of a revoked one. */
const SYSTEM_SUBJECTS = [CONNECTIONS, '$SYS.REQ.SERVER.*.KICK'] as const;

/** Whoever owns the streams compares the log with its archive before anything is taken out of it. */
const archiveOf = (layout: NatsLayout): readonly Import[] =>
  layout === 'open' ? [] : [service(providerOf(layout, RPC.leftMessages), RPC.leftMessages)];

/** The account of whoever admits nodes. */
export const admittingAccount = (layout: NatsLayout): string => providerOf(layout, nodeRpcPattern('join'));

/** Pulls bring many messages, except those of nodes; every server of a cluster answers a PING. */
const isStreamed = (subject: string): boolean =>
  (subject.startsWith(NEXT) && !subject.startsWith(`${NEXT}${STREAMS.dispatch}`)) || subject.includes('.PING.');

/** One export for each subject that anybody imports, for those accounts alone. */
const exportsTo = (importers: readonly Omit<Account, 'exports'>[], account: string): readonly Export[] => {
  const found = new Map<string, Export>();
  for (const { name, imports } of importers) {
    for (const { kind, subject } of imports.filter((wanted) => wanted.account === account)) {
      const key = `${kind} ${subject}`;
      const accounts = [...(found.get(key)?.accounts ?? []), name];
      found.set(key, { kind, subject, accounts, isStreamed: isStreamed(subject) });
    }
  }
  return [...found.values()];
};

/**
 * All accounts of a layout (ADR 0019). Nodes reach the gate through ONE export, because the server stops an answer that would
 * go out again through the export that it came in by: whatever a node names as reply subject, its answer ends in the nodes' account.
 * Whatever a service names as reply subject reaches no more than that service may reach itself.
 */
export const accountsOf = (layout: NatsLayout, options: { readonly admits: boolean }): readonly Account[] => {
  const plain = (name: string, imports: readonly Import[], hasJetStream = false) => ({ name, hasJetStream, imports });
  const admitting = admittingAccount(layout);
  const system = options.admits ? SYSTEM_SUBJECTS.map((subject) => service(SYSTEM_ACCOUNT, subject)) : [];
  const systemOf = (name: string): readonly Import[] => (name === admitting ? system : []);
  const gate = plain(GATE_ACCOUNT, [
    ...NODE_LOG_SUBJECTS.map((subject) => service(LOG_ACCOUNT, subject)),
    ...NODE_SERVICE_SUBJECTS.map((subject) => service(providerOf(layout, subject), subject)),
  ]);
  const importers = [
    plain(LOG_ACCOUNT, [...archiveOf(layout), ...systemOf(LOG_ACCOUNT)], true),
    ...principalsOf(layout).map((principal) => {
      const name = accountOf(principal);
      return plain(name, [...importsOf(layout, principal), ...systemOf(name)]);
    }),
    gate,
  ];
  const everything: Export = { kind: 'service', subject: '>', accounts: [NODES_ACCOUNT], isStreamed: false };
  return [
    ...[...importers, plain(SYSTEM_ACCOUNT, [])].map((account) => ({
      ...account,
      exports: account.name === GATE_ACCOUNT ? [everything] : exportsTo(importers, account.name),
    })),
    {
      ...plain(
        NODES_ACCOUNT,
        NODE_SUBJECTS.map((subject) => service(GATE_ACCOUNT, subject)),
      ),
      exports: [],
    },
  ];
};
