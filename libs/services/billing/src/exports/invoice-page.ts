import { createHash } from 'node:crypto';
import type { WireLogProof, WireMeterTotal, WireStatement } from '@fornax/contracts';
import { joined, PARTS_PER_MICRO, rounded } from '@fornax/domain';
import { decimalText } from '../queries/wire-statement.js';
import { Html, markup } from './html.js';

/** What an invoice says beside the sums of its statement. */
export interface Invoice {
  readonly project: { readonly id: string; readonly name: string };
  readonly month: string;
  /** The first instant that does not count any more. */
  readonly end: string;
  /** Whether the month is over. */
  readonly isOver: boolean;
  /** Whether all that the project used is in it, and not only what the reader may see. */
  readonly isWhole: boolean;
  readonly statement: WireStatement;
}

const STYLE = `@page { size: A4; margin: 18mm }
body { font: 11pt/1.45 system-ui, sans-serif; color: #111; margin: 2em auto; max-width: 174mm; overflow-wrap: anywhere }
h1 { font-size: 18pt; margin: 0 0 .3em }
dl { display: grid; grid-template-columns: max-content auto; gap: .1em 1.2em }
dt { color: #555 } dd { margin: 0 }
.note { border: 1px solid #a60; padding: .5em .8em }
table { width: 100%; border-collapse: collapse; margin-top: 1.2em; font-size: 9.5pt }
th, td { text-align: left; padding: .25em .4em; border-bottom: 1px solid #ccc; vertical-align: top }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal }
thead { display: table-header-group } tfoot { display: table-row-group } tr { break-inside: avoid }
tfoot td { border-top: 2px solid #111; border-bottom: none; font-weight: bold }
@media print { body { margin: 0; max-width: none } }`;

const digest = createHash('sha256').update(STYLE).digest('base64');
/** Of an invoice: it has its own style, and nothing that runs or comes from elsewhere. */
export const INVOICE_POLICY = `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const sixDigits = (amount: string): string => {
  const [whole = '0', fraction = ''] = amount.split('.');
  return `${whole}.${fraction.padEnd(6, '0')}`;
};

const numbers = ({ instances, failures, coreSeconds, amount }: WireStatement['total']): Html =>
  markup`<td class="number">${instances}</td><td class="number">${failures}</td><td class="number">${coreSeconds}</td><td class="number">${sixDigits(amount)}</td>`;

const notesOf = ({ end, isOver, isWhole, statement: { to, unrated } }: Invoice): readonly string[] => [
  ...(isOver
    ? []
    : [`This month is not over: it ends at ${end}. What is counted here ends at ${to}, and more will come.`]),
  ...(isWhole
    ? []
    : ['Of this project you see what you and those that you look after have used, and not what others did.']),
  ...(unrated > 0 ? [`${unrated} attempts have no price yet, and are not in these sums.`] : []),
];

/** What proves the range of the log, and how much of it. */
const provedBy = (proof: WireLogProof): string => {
  const { log, to, archivedTo, segment, hash, isWhole } = proof;
  const upTo = `all commits up to ${to} of log ${log}`;
  if (segment === 0) return `${upTo}, of which none is archived yet`;
  return `${upTo}${isWhole ? '' : `, archived up to ${archivedTo} until now`}: hash ${hash} of segment ${segment}`;
};

const exactly = ({ nanos, rest }: Pick<WireMeterTotal, 'nanos' | 'rest'>): bigint =>
  joined({ nanos: BigInt(nanos), rest: BigInt(rest) });
const micros = (parts: bigint): bigint => rounded(parts, PARTS_PER_MICRO);

/** Storage and transfer, and the total of all, which is rounded once: the last meter has what is left to it. Nothing where nothing was used of them. */
const metersOf = ({ meters, total, currency }: WireStatement): Html => {
  if (meters.every(({ quantity }) => quantity === '0')) return new Html('');
  const computing = exactly(total);
  const all = meters.reduce((sum, one) => sum + exactly(one), computing);
  let left = micros(all) - micros(computing);
  const rows = meters.map((one, index) => {
    const amount = index === meters.length - 1 ? left : micros(exactly(one));
    left -= amount;
    const [what, unit] = one.meter === 'storage' ? ['Storage held', 'GB hours'] : ['Sent out of buckets', 'GB'];
    return markup`<tr><td>${what}</td><td class="number">${one.gb} ${unit}</td><td class="number">${sixDigits(decimalText(amount, 6))}</td></tr>\n`;
  });
  return markup`<table><thead><tr><th>Storage</th><th class="number">Quantity</th><th class="number">${currency}</th></tr></thead>
<tbody>
${rows}</tbody><tfoot><tr><td colspan="2">Total of all</td><td class="number">${sixDigits(decimalText(micros(all), 6))}</td></tr></tfoot></table>`;
};

/** One project and month, to be printed on A4. All texts of users are escaped. */
export const invoicePage = (invoice: Invoice): string => {
  const { project, month, isOver, statement } = invoice;
  const { from, to, timeZone, currency, total, proof } = statement;
  const rows = statement.rows.map(
    ({ by, names, ...sums }) =>
      markup`<tr><td>${names['user'] ?? by['user'] ?? '-'}</td><td>${by['plan'] ?? '-'}</td><td>${by['hardware'] ?? '-'}</td>${numbers(sums)}</tr>\n`,
  );
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Invoice ${project.name} ${month}</title><style>${new Html(STYLE)}</style></head>
<body><h1>${isOver ? 'Invoice' : 'Provisional invoice'}</h1>
<dl><dt>Project</dt><dd>${project.name} (${project.id})</dd><dt>Month</dt><dd>${month}, in the time zone ${timeZone}</dd><dt>From</dt><dd>${from}</dd><dt>Until</dt><dd>${to}</dd><dt>Log</dt><dd>${provedBy(proof)}</dd></dl>
${notesOf(invoice).map((text) => markup`<p class="note">${text}</p>`)}
<table><thead><tr><th>User</th><th>Plan</th><th>Hardware</th><th class="number">Instances</th><th class="number">Failed</th><th class="number">Core seconds</th><th class="number">${currency}</th></tr></thead>
<tbody>
${rows}</tbody><tfoot><tr><td colspan="3">Total</td>${numbers(total)}</tr></tfoot></table>
${metersOf(statement)}
<p>Amounts are rounded once, at the total, to the millionth; rows are rounded such that they sum to it. Without taxes.</p>
</body></html>
`.text;
};
