import { ApiError, type FornaxClient, type WireLogArchive } from '@fornax/client';
import { judgeClock } from './clocks.js';
import type { Finding } from './finding.js';
import { judgeHealth } from './health.js';
import { judgeNodes } from './nodes.js';
import { addressOf, reach, unreachable } from './reach.js';

const MOST_MS = 10_000;

/** Several services may answer one after the other: whoever waits for ever helps nobody. */
const inTime = <T>(work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${MOST_MS / 1000} s`)), MOST_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);

const isForOperators = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 401 || error.status === 403);

/** Asks something of which an answer may be missing. @param what it is, as the subject of a sentence */
const asked = async <T>(
  check: string,
  what: string,
  ask: () => Promise<T>,
  judge: (answer: T) => readonly Finding[],
): Promise<readonly Finding[]> => {
  try {
    return judge(await inTime(ask()));
  } catch (error) {
    if (isForOperators(error)) return [{ check, verdict: 'unknown', found: `${what} is shown to operators alone` }];
    return [
      {
        check,
        verdict: 'problem',
        found: `${what} cannot be had: ${reasonOf(error)}`,
        ways: ['fornax health says more; so do the logs of the services.'],
      },
    ];
  }
};

export interface FirstAnswer {
  readonly findings: readonly Finding[];
  /** Whether it is worth asking further. */
  readonly isThere: boolean;
}

/** Whether the API is there, is one of ours, and what time it is there. */
export const lookAtApi = async (url: string): Promise<FirstAnswer> => {
  const check = 'api';
  if (!URL.canParse(url))
    return {
      isThere: false,
      findings: [
        {
          check,
          verdict: 'problem',
          found: `QARNOT_CLUSTER_URL is no URL: ${url}`,
          ways: ['Set it to something like http://127.0.0.1:8080.'],
        },
      ],
    };
  const address = addressOf(new URL(url));
  const reached = await reach(address.host, address.port);
  if (reached !== 'listens')
    return {
      isThere: false,
      findings: [
        {
          check,
          verdict: 'problem',
          found: unreachable(reached, address),
          ways: [
            reached === 'refused'
              ? 'Start the platform there, or name the port that it listens on in QARNOT_CLUSTER_URL.'
              : 'Look at the name, the network and the firewall between here and there, or at QARNOT_CLUSTER_URL.',
          ],
        },
      ],
    };
  const sentAt = Date.now();
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}/health/live`, { signal: AbortSignal.timeout(MOST_MS) });
    const answeredAt = Date.now();
    const body: unknown = await response.json().catch(() => undefined);
    const isOurs = typeof body === 'object' && body !== null && 'status' in body && body.status === 'live';
    if (!isOurs)
      return {
        isThere: false,
        findings: [
          {
            check,
            verdict: 'problem',
            found: `another program answers at ${url} (HTTP ${response.status})`,
            ways: [
              'Name the port of the platform in QARNOT_CLUSTER_URL; a proxy between has to let /health/live through.',
            ],
          },
        ],
      };
    const clock = judgeClock("the platform's", { sentAt, answeredAt, date: response.headers.get('date') });
    return {
      isThere: true,
      findings: [{ check, verdict: 'ok', found: `${url} answers in ${answeredAt - sentAt} ms` }, clock],
    };
  } catch (error) {
    return {
      isThere: false,
      findings: [
        {
          check,
          verdict: 'problem',
          found: `${url} takes connections and does not answer: ${reasonOf(error)}`,
          ways: ['Look at the load of that machine and at the logs of the platform.'],
        },
      ],
    };
  }
};

/** Whether the token opens the platform. */
export const lookAtToken = async (client: FornaxClient): Promise<FirstAnswer> => {
  const check = 'token';
  try {
    // Of whatever release it is, it says that much.
    const { email } = (await inTime(client.get('/info'))) as { readonly email?: string };
    return { isThere: true, findings: [{ check, verdict: 'ok', found: `it is that of ${email ?? 'nobody'}` }] };
  } catch (error) {
    const isRefused = isForOperators(error);
    return {
      isThere: !isRefused,
      findings: [
        {
          check,
          verdict: 'problem',
          found: isRefused
            ? 'the platform does not know it, or it has expired'
            : `who it is cannot be had: ${reasonOf(error)}`,
          ways: [
            isRefused
              ? 'Source the file env of the data folder once more, or set QARNOT_CLIENT_TOKEN to what fornax token create has printed.'
              : 'fornax health says what does not work.',
          ],
        },
      ],
    };
  }
};

const BEHIND = 1_000;

/** What waits until others have heard of it goes on by itself. */
const GOES_ON = /^waits for /;

const judgeArchive = ({ to, head, stays }: WireLogArchive): readonly Finding[] => {
  const check = 'log durability';
  const warning = (found: string, way: string): Finding => ({ check, verdict: 'warning', found, ways: [way] });
  return [
    head - to > BEHIND
      ? warning(`archived up to ${to} of ${head} only`, 'read what the storage service logs of the archive')
      : { check, verdict: 'ok', found: `archived up to ${to} of ${head}` },
    ...(stays === null || GOES_ON.test(stays)
      ? []
      : [warning(`nothing leaves the log: ${stays}`, 'fornax log verify')]),
  ];
};

/** All that the platform says of itself to whoever asks, in the order in which one depends on the other. */
export const lookAtPlatform = async (client: FornaxClient, own: string): Promise<readonly Finding[]> => {
  const looks = await Promise.all([
    asked(
      'services',
      'how its services are',
      () => client.health(),
      (health) => judgeHealth(health, own),
    ),
    lookAtStorage(client),
    asked(
      'log durability',
      'the state of the log',
      () => client.log.state(),
      ({ isRight, message, ways }) => [
        isRight
          ? { check: 'log durability', verdict: 'ok', found: message }
          : { check: 'log durability', verdict: 'problem', found: message, ways },
      ],
    ),
    asked('log durability', 'the archive of the log', () => client.log.archive(), judgeArchive),
    asked(
      'log durability',
      'what of the log was put aside',
      () => client.log.quarantine(),
      (entries) =>
        entries.length === 0
          ? []
          : [
              {
                check: 'log durability',
                verdict: 'problem',
                found: `${entries.length} messages or aggregates are put aside`,
                ways: ['fornax log quarantine list'],
              },
            ],
    ),
    asked(
      'read models',
      'how far read models are',
      () => client.projections.list(),
      (all) => {
        const behind = all.filter(({ lag }) => lag > BEHIND);
        return behind.length === 0
          ? [{ check: 'read models', verdict: 'ok', found: `all ${all.length} are up with the log` }]
          : behind.map(({ name, lag }): Finding => ({
              check: 'read models',
              verdict: 'warning',
              found: `${name} is ${lag} commits behind`,
              ways: [
                'Look at fornax projection list again; one that does not move has the reason in the log of its service.',
              ],
            }));
      },
    ),
    asked(
      'nodes',
      'the list of nodes',
      () => client.fleet.nodes(),
      (nodes) => judgeNodes(nodes, Date.now()),
    ),
  ]);
  return looks.flat();
};

/** Whether the storage answers where the platform says that it is. */
const lookAtStorage = async (client: FornaxClient): Promise<readonly Finding[]> => {
  const check = 'storage';
  const found = await inTime(client.storageUrl()).catch((error: unknown) => error);
  if (found === null) return [{ check, verdict: 'warning', found: 'the platform has no storage' }];
  if (typeof found !== 'string' || !URL.canParse(found))
    return [
      {
        check,
        verdict: 'problem',
        found: `where it is cannot be had: ${reasonOf(found)}`,
        ways: ['fornax health says more.'],
      },
    ];
  const address = addressOf(new URL(found));
  const reached = await reach(address.host, address.port);
  if (reached === 'listens') return [{ check, verdict: 'ok', found: `${found} takes connections` }];
  return [
    {
      check,
      verdict: 'problem',
      found: unreachable(reached, address),
      ways: ['Start the storage service, or tell the platform where clients reach it: FORNAX_PUBLIC_STORAGE_URL.'],
    },
  ];
};
