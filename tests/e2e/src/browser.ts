import { existsSync } from 'node:fs';
import axe from 'axe-core';
import type { FornaxClient } from '@fornax/client';
import type { RunningPlatform } from '@fornax/testing';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

/** Where Debian's package puts it; another one by the variable of this name. */
const PROGRAM = process.env['FORNAX_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser for tests. Where there is none they say so aloud; in CI that is a failure. */
export const hasBrowser = (): boolean => {
  if (existsSync(PROGRAM)) return true;
  const said = `no Chromium at ${PROGRAM} (apt-get install chromium): the dashboard is NOT tested`;
  if (process.env['CI'] === 'true') throw new Error(said);
  process.stderr.write(`\n*** ${said} ***\n\n`);
  return false;
};

export const openBrowser = (): Promise<Browser> =>
  // Chromium's own sandbox is not to be had for root.
  chromium.launch({ executablePath: PROGRAM, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });

/** A page, and what must not happen on it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, what the Content-Security-Policy refused, and requests to other machines or ports than these. */
  readonly troubles: readonly string[];
}

/** Each step of a person is answered within this, also on a busy machine. */
const STEP_MS = 20_000;

/** A new page that notes what must not happen. @param origins that it may talk to */
export const watchedPage = async (context: BrowserContext, origins: readonly string[]): Promise<WatchedPage> => {
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) troubles.push(message.text());
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!origins.some((origin) => url.startsWith(`${origin}/`)) && !/^(data|blob|about):/.test(url)) troubles.push(url);
  });
  return { page, troubles };
};

/** A browser of its own, signed in by a link of an account; it may talk to the platform alone. */
const signedInPage = async (
  browser: Browser,
  { apiUrl, storageUrl }: Pick<RunningPlatform, 'apiUrl' | 'storageUrl'>,
  client: FornaxClient,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> => {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const watched = await watchedPage(context, [apiUrl, storageUrl]);
  const { path } = await client.people.signInLink();
  await watched.page.goto(new URL(path, apiUrl).href);
  await watched.page.getByRole('heading', { name: 'Tasks' }).waitFor();
  return watched;
};

/** Signs in pages of a browser, and remembers all that must not have happened on any of them. */
export interface SignedInPages {
  readonly signedIn: (client: FornaxClient, options?: BrowserContextOptions) => Promise<Page>;
  readonly opened: readonly WatchedPage[];
}

/** @param of the browser and the platform, which there are once something is signed in */
export const signedInPages = (
  of: () => readonly [browser: Browser, platform: Pick<RunningPlatform, 'apiUrl' | 'storageUrl'>],
): SignedInPages => {
  const opened: WatchedPage[] = [];
  const signedIn = async (client: FornaxClient, options: BrowserContextOptions = {}): Promise<Page> => {
    const [browser, platform] = of();
    const watched = await signedInPage(browser, platform, client, options);
    opened.push(watched);
    return watched.page;
  };
  return { signedIn, opened };
};

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What axe-core finds against WCAG 2.2 AA on a page as it stands. */
export const violationsOn = async (page: Page): Promise<readonly string[]> => {
  // Through the protocol of the browser: the policy of the page lets no script in.
  await page.evaluate(axe.source);
  const options = JSON.stringify({ runOnly: { type: 'tag', values: TAGS } });
  const { violations } = await page.evaluate<{ readonly violations: readonly Violation[] }>(
    `axe.run(document, ${options})`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
};
