import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { isPublicAddress } from '@fornax/base';
import { type Destinations, isLocalhost, type Place } from '../config/destinations.js';

/** Addresses that were found and checked once; a connection is made to one of these, whatever the name says a moment later. */
export interface Target {
  readonly addresses: readonly [LookupAddress, ...LookupAddress[]];
  /** What happens on a connection there is public knowledge; elsewhere nothing may be told that only the inside of a network knows. */
  readonly isPublic: boolean;
}

/** Nothing may be sent there, or the name leads nowhere: whoever asks cannot tell which; `detail` is for the operator. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly detail: string) {
    super(detail);
  }
}

type Found = readonly LookupAddress[];

/** All addresses of a name, as the system knows them. */
export type Resolve = (host: string) => Promise<Found>;
const systemResolve: Resolve = (host) =>
  new Promise((fulfill, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : fulfill(addresses)));
  });

/** The addresses of a host without asking anybody; undefined: it is a name that has to be resolved. */
const knownAddresses = (host: string): Found | undefined => {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  return isLocalhost(host) ? [{ address: '127.0.0.1', family: 4 }] : undefined;
};

/** The host of a URL; an IPv6 address stands in brackets there. */
export const placeOf = (url: URL): Place => ({
  host: url.hostname.replace(/^\[|\]$/g, ''),
  port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
});

/** Whether a place can be refused by what it is called, without asking the network. */
export const isRefusedByName = (place: Place, destinations: Destinations): boolean => {
  const known = knownAddresses(place.host);
  if (!known || destinations.namesHost(place)) return false;
  return !known.every(({ address }) => destinations.allows(address, place.port));
};

/** @throws Refused */
export const findTarget = async (
  place: Place,
  destinations: Destinations,
  resolve: Resolve = systemResolve,
): Promise<Target> => {
  const { host, port } = place;
  const addresses =
    knownAddresses(host) ??
    (await resolve(host).catch((error: unknown) => {
      throw new Refused(`${host} has no address: ${error instanceof Error ? error.message : String(error)}`);
    }));
  const [first, ...rest] = addresses;
  if (!first) throw new Refused(`${host} has no address`);
  const isNamed = destinations.namesHost(place);
  const refused = addresses.find(({ address }) => !isNamed && !destinations.allows(address, port));
  if (refused) throw new Refused(`${refused.address} port ${port} is neither public nor allowed`);
  return { addresses: [first, ...rest], isPublic: addresses.every(({ address }) => isPublicAddress(address)) };
};

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** A resolver that knows the checked addresses alone; Host header and TLS name stay those of the URL. */
export const pinned =
  ({ addresses }: Target) =>
  (_: string, options: LookupOptions, callback: LookupCallback): void => {
    const [first] = addresses;
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
