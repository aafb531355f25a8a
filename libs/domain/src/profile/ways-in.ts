import type { TaskSpec } from '../task/task.events.js';
import { isAddressOrNetwork } from './ip-address.js';
import { profileOf, type OfProfile } from './profile-of.js';
import { profileAt } from './profiles.js';

/** A port of an instance that can be reached from outside. */
export interface WayIn {
  readonly name: string;
  readonly applicationType: string;
  readonly port: number;
  /** IPv4 and IPv6 addresses and networks that it is open to; none named: to whoever reaches the platform's forwards. */
  readonly allowed: readonly string[];
}

/** Forwards of one instance. */
export const MOST_WAYS_IN = 16;
const MOST_ALLOWED = 32;

type Rule = Readonly<Record<string, unknown>>;

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';

const allowedOf = (rule: Rule): readonly string[] =>
  textOf(rule['to'])
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/** What a rule of `forcedNetworkRules` opens: an inbound TCP port. @returns why it opens nothing */
const wayOf = (rule: Rule): WayIn | string => {
  if (String(rule['inbound']).toLowerCase() !== 'true') return 'it is not inbound';
  if (textOf(rule['proto']).toLowerCase() !== 'tcp') return 'only tcp is forwarded';
  const port = Number(textOf(rule['port']) || Number.NaN);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'its port is no number from 1 to 65535';
  const allowed = allowedOf(rule);
  if (allowed.length > MOST_ALLOWED || !allowed.every(isAddressOrNetwork))
    return 'its "to" is no list of addresses or networks, as in 198.51.100.7,10.0.0.0/8';
  return {
    name: textOf(rule['name']) || `port-${port}`,
    applicationType: textOf(rule['applicationType']),
    port,
    allowed,
  };
};

const rulesOf = ({ echo }: Pick<TaskSpec, 'echo'>): readonly Rule[] => {
  const rules = echo['forcedNetworkRules'];
  return Array.isArray(rules) ? rules.filter((rule): rule is Rule => typeof rule === 'object' && rule !== null) : [];
};

/** Whether connections are carried into its instances: any port of them is forwarded, or they find each other. */
export const hasWaysIn = (spec: OfProfile & Pick<TaskSpec, 'echo'>): boolean => {
  const { profile, profileVersion, publishedProfile } = spec;
  const own = publishedProfile === undefined ? profileAt(profile, profileVersion) : undefined;
  return (
    ((publishedProfile ?? own)?.ports ?? []).length > 0 ||
    own?.needs.includes('cluster') === true ||
    rulesOf(spec).some((rule) => typeof wayOf(rule) !== 'string')
  );
};

/** All ports that a task opens: those of its profile, then those of its rules; each port once. */
const openedBy = (spec: OfProfile & Pick<TaskSpec, 'echo'>): readonly WayIn[] => {
  const ofProfile = profileOf(spec)?.ports ?? [];
  const found = [
    ...ofProfile.map(({ name, applicationType, port }): WayIn => ({ name, applicationType, port, allowed: [] })),
    ...rulesOf(spec).flatMap((rule) => {
      const way = wayOf(rule);
      return typeof way === 'string' ? [] : [way];
    }),
  ];
  const byPort = new Map<number, WayIn>();
  // A rule for a port of the profile says who may use it.
  for (const way of found) byPort.set(way.port, { ...byPort.get(way.port), ...way });
  return [...byPort.values()];
};

/** Ports of each instance of a task that are forwarded: those of its profile, then those that its rules open; each port once, and the first of very many. */
export const waysInOf = (spec: OfProfile & Pick<TaskSpec, 'echo'>): readonly WayIn[] => {
  const ways = openedBy(spec).slice(0, MOST_WAYS_IN);
  const isTwice = ({ name }: WayIn): boolean => ways.filter((other) => other.name === name).length > 1;
  return ways.map((way) => (isTwice(way) ? { ...way, name: `${way.name}-${way.port}` } : way));
};

/** Ports that a task opens beyond those that are forwarded. */
export const portsLeftOut = (spec: OfProfile & Pick<TaskSpec, 'echo'>): readonly number[] =>
  openedBy(spec)
    .slice(MOST_WAYS_IN)
    .map(({ port }) => port);

/** What rules of a task open nothing, and why, in the order of the rules. */
export const rulesWithoutEffect = (spec: Pick<TaskSpec, 'echo'>): readonly string[] =>
  rulesOf(spec).flatMap((rule, at) => {
    const way = wayOf(rule);
    return typeof way === 'string' ? [`${textOf(rule['name']) || `number ${at + 1}`}: ${way}`] : [];
  });
