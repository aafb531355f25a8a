import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { statementSchema } from '@fornax/contracts';
import { aLease, anEnd, concluded, dispatched, submitted } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';

const run = promisify(execFile);
const START = Date.UTC(2026, 1, 3);
const MONTH = 'from=2026-02&to=2026-03';

/** The first of these programs that there is. */
const programOf = async (...names: readonly string[]): Promise<string | undefined> => {
  for (const name of names) {
    const found = await run('which', [name]).catch(() => undefined);
    if (found) return found.stdout.trim();
  }
  return undefined;
};

describe('an invoice, printed by a browser', () => {
  let rig: BillingRig;
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-invoice-'));
    rig = await billingRig();
    await rig.account('ada');
    for (let index = 0; index < 80; index += 1) {
      const hardware = { specificationKey: `${index % 70}c-epyc`, cpuModel: 'x', cores: 8, ghz: 2.5 };
      const end = anEnd(0, { startedAt: START + index, endedAt: START + index * 9_133 + 777, hardware });
      await rig.append(
        'task',
        `t-${index}`,
        [submitted(`t-${index}`, { projectUuid: 'ada' }, 'ada')],
        [dispatched(aLease(0))],
        [concluded(end)],
      );
    }
  }, 120_000);
  afterAll(async () => {
    await rig?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is a PDF of A4 pages whose text holds each row and the total', async () => {
    const browser = await programOf('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable');
    const reader = await programOf('pdftotext');
    if (browser === undefined || reader === undefined) {
      console.warn(
        `NOT TRIED: printing an invoice: ${browser === undefined ? 'no Chromium' : 'no pdftotext'} is installed`,
      );
      return;
    }
    const answer = await fetch(`${rig.service.url}/fornax/v1/billing/invoices/ada/2026-02`, {
      headers: { authorization: 'ada-token' },
    });
    const [page, pdf] = [join(folder, 'invoice.html'), join(folder, 'invoice.pdf')];
    await writeFile(page, await answer.text());
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-pdf-header-footer'];
    await run(browser, [
      ...flags,
      `--user-data-dir=${folder}/profile`,
      `--print-to-pdf=${pdf}`,
      pathToFileURL(page).href,
    ]);
    expect((await readFile(pdf)).subarray(0, 5).toString()).toBe('%PDF-');
    const { stdout } = await run(reader, ['-layout', pdf, '-']);

    const query = `${MONTH}&project=ada&groupBy=user,plan,hardware`;
    const { rows, total } = statementSchema.parse((await rig.get(`/fornax/v1/billing/statements?${query}`)).body);
    const digits = (amount: string): string =>
      amount.replace(/^(\d+)\.?(\d*)$/, (_, whole: string, part: string) => `${whole}.${part.padEnd(6, '0')}`);
    expect(rows).toHaveLength(70);
    const lines = stdout.split('\n');
    expect(
      lines.filter((line) => line.includes('Total') && line.trimEnd().endsWith(digits(total.amount))),
    ).toHaveLength(1);
    for (const { by, amount } of rows)
      expect(
        lines.filter((line) => line.includes(` ${by['hardware']} `) && line.trimEnd().endsWith(digits(amount))),
      ).toHaveLength(1);
    const pages = stdout.split('\f').filter((text) => text.trim() !== '');
    expect(pages.length).toBeGreaterThan(1);
    // Each page says what its columns are.
    for (const text of pages.slice(0, -1)) expect(text).toContain('Core seconds');
    const info = await programOf('pdfinfo');
    if (info !== undefined)
      expect((await run(info, [pdf])).stdout).toMatch(/Page size: +59[45]\.\d+ x 84[12]\.\d+ pts \(A4\)/);
  }, 120_000);
});
