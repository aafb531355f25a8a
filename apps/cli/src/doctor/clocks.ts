import type { Finding } from './finding.js';

/** A clock that is further off matters to nobody but whoever reads times. */
const NOTED_MS = 3_000;
/** Storage refuses signatures that are dated further away (RequestTimeTooSkewed). */
const REFUSED_MS = 15 * 60_000;

/** When a request was sent and answered, by the clock here, and the date that the answer carries. */
export interface DatedAnswer {
  readonly sentAt: number;
  readonly answeredAt: number;
  /** The header `date`: whole seconds. */
  readonly date: string | null;
}

const span = (ms: number): string => (ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`);

/** Compares the clock here with that of whoever answered. @param whose of the sentence: `the platform's` */
export const judgeClock = (whose: string, { sentAt, answeredAt, date }: DatedAnswer): Finding => {
  const there = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(there)) return { check: 'clock', verdict: 'unknown', found: `${whose} answers carry no date` };
  // It was some moment of that second, and some moment between asking and answer.
  const ahead = Math.max(0, sentAt - (there + 1_000));
  const behind = Math.max(0, there - answeredAt);
  const off = Math.max(ahead, behind);
  if (off < NOTED_MS) return { check: 'clock', verdict: 'ok', found: `this machine's clock and ${whose} are the same` };
  return {
    check: 'clock',
    verdict: off >= REFUSED_MS ? 'problem' : 'warning',
    found: `this machine's clock is ${span(off)} ${ahead > 0 ? 'ahead of' : 'behind'} ${whose}${
      off >= REFUSED_MS ? ': the storage refuses what is dated a quarter of an hour off' : ''
    }`,
    ways: ['Set both clocks by a time server: timedatectl set-ntp true, or chronyc makestep.'],
  };
};
