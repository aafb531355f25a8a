import type { Health } from '@fornax/client';
import type { Finding } from './finding.js';

/** Compares this program with the services. @param release of the services, with commas between several */
const judgeReleases = (release: string | undefined, own: string): Finding => {
  const check = 'versions';
  const [first, ...others] = release === undefined || release === '' ? [] : release.split(', ');
  if (first === undefined)
    return {
      check,
      verdict: 'unknown',
      found: `this program is ${own}; that of the platform is shown to operators alone`,
    };
  if (others.length > 0)
    return {
      check,
      verdict: 'warning',
      found: `services of several releases run: ${[first, ...others].join(', ')}`,
      ways: ['Finish the update: bring all services to one release.'],
    };
  if (first === own) return { check, verdict: 'ok', found: `platform and program are ${own}` };
  return {
    check,
    verdict: 'warning',
    found: `this program is ${own}, the platform is ${first}`,
    ways: ['Use the program of that release: a data folder has its own in bin/fornax.'],
  };
};

/** What the services say of themselves, of the log's server among them, and which release they are. @param own release of this program */
export const judgeHealth = (
  { status, reasons, degraded, stops, warnings, release }: Health,
  own: string,
): readonly Finding[] => {
  const versions = judgeReleases(release, own);
  const stopped = new Set(stops.map(({ name }) => name));
  const isOfStop = (name: string): boolean => [...stopped].some((stop) => name === stop || name.endsWith(`: ${stop}`));
  const findings: readonly Finding[] = [
    ...stops.map(({ name, message, ways }): Finding => ({
      check: 'writes',
      verdict: 'problem',
      found: `nothing may be written (${name}): ${message}`,
      ways,
    })),
    ...reasons
      .filter(({ name }) => !isOfStop(name))
      .map(({ name, reason, ways = ['Look at the logs of that part.'] }): Finding => ({
        check: 'services',
        verdict: 'problem',
        found: `${name}: ${reason}`,
        ways,
      })),
    ...degraded.map(({ name, reason }): Finding => ({
      check: 'services',
      verdict: 'warning',
      found: `${name}: ${reason}`,
      ways: ['The rest works; look at the logs of that part.'],
    })),
    ...warnings.map((text): Finding => {
      const isOfLog = /\bflush\b/.test(text);
      return {
        check: isOfLog ? 'log durability' : 'services',
        verdict: isOfLog ? 'problem' : 'warning',
        found: text,
        ...(isOfLog ? { ways: ['Use nats-server 2.10 or later, then start anew.'] } : {}),
      };
    }),
  ];
  if (findings.length > 0) return [versions, ...findings];
  // Strangers and users are told that much.
  const isBad = status === 'not ready';
  return [
    versions,
    {
      check: 'services',
      verdict: isBad ? 'problem' : status === 'degraded' ? 'warning' : 'ok',
      found: status,
      ...(status === 'ready' ? {} : { ways: ["Ask an operator: with an operator's token this says why."] }),
    },
  ];
};
