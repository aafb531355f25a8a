import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

/** Stops of the Tab key that somebody is patient enough for. */
const MOST_STOPS = 150;

/** Where the keyboard is. */
export interface Stop {
  /** What it is called; empty on the page itself. */
  readonly name: string;
  readonly role: string;
  /** Whether it looks other than it would without the focus. */
  readonly isSeen: boolean;
}

/** Beside a copy of it, or of what stands around it, that has no focus, or with a ring around it or its label; colors change in a tenth of a second. */
const STOP = `(async () => {
  const one = document.activeElement;
  if (one === null || one === document.body) return { name: '', role: 'page', isSeen: true };
  const label = one.labels?.[0];
  const heading = one.getAttribute('aria-labelledby');
  const name = one.getAttribute('aria-label') ?? (heading && document.getElementById(heading)?.textContent) ?? label?.textContent ?? one.textContent;
  const isRinged = (element) => {
    if (!element) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== 'none' && outlineWidth !== '0px';
  };
  const look = (element) => { const { borderTopColor, backgroundColor, boxShadow } = getComputedStyle(element); return borderTopColor + backgroundColor + boxShadow; };
  const differs = (element) => {
    const copy = element.cloneNode(false);
    copy.removeAttribute('id');
    element.after(copy);
    const isOther = look(element) !== look(copy);
    copy.remove();
    return isOther;
  };
  // A field may have its border around what is beside it as well.
  const around = one.matches('input') ? [one.parentElement, one.parentElement?.parentElement, one.parentElement?.parentElement?.parentElement] : [];
  const isSeenNow = () => [one, label, one.nextElementSibling, one.parentElement].some(isRinged) || [one, ...around].some((element) => element && differs(element));
  let isSeen = isSeenNow();
  for (let frame = 0; !isSeen && frame < 30; frame += 1) {
    await new Promise(requestAnimationFrame);
    isSeen = isSeenNow();
  }
  return { name: (name ?? '').replaceAll('*', '').trim(), role: one.getAttribute('role') ?? one.tagName.toLowerCase(), isSeen };
})()`;

export const stopOf = (page: Page): Promise<Stop> => page.evaluate<Stop>(STOP);

/** Goes with the Tab key to what is called so. @throws Error it is not reached, or a stop on the way is not to be seen */
export const tabTo = async (page: Page, name: string | RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<Stop> => {
  const passed: string[] = [];
  for (let stops = 0; stops < MOST_STOPS; stops += 1) {
    await page.keyboard.press(key);
    const stop = await stopOf(page);
    expect([stop.name.slice(0, 60), stop.role, stop.isSeen]).toEqual([stop.name.slice(0, 60), stop.role, true]);
    if (typeof name === 'string' ? stop.name === name : name.test(stop.name)) return stop;
    passed.push(`${stop.role} ${stop.name.slice(0, 40)}`);
  }
  throw new Error(`${String(name)} is not reached with ${key}, past:\n${passed.join('\n')}`);
};

/** Goes with the Tab key through all of a page. @returns what it stops at, until the page itself or the first of them comes again */
export const stopsOf = async (page: Page): Promise<readonly Stop[]> => {
  const stops: Stop[] = [];
  for (let at = 0; at < MOST_STOPS; at += 1) {
    await page.keyboard.press('Tab');
    const isAgain = await page.evaluate<boolean>(`(() => {
      const one = document.activeElement;
      window.tabbed ??= new WeakSet();
      const known = one === document.body || window.tabbed.has(one);
      window.tabbed.add(one);
      return known;
    })()`);
    if (isAgain) return stops;
    stops.push(await stopOf(page));
  }
  throw new Error('the Tab key does not come round');
};
