import { startPlatform } from '@fornax/testing/platform';
import { LoadClient, success } from './api.js';
import { openMeasured, untilShown, type MeasuredPage } from './dashboard-page.js';
import type { Figure } from './report.js';

const LOG = `document.querySelector('[role=log]')`;
const said = (text: string): string => `document.querySelector('main')?.textContent.includes(${JSON.stringify(text)})`;
const lineShown = (text: string): string => `${LOG} != null && ${LOG}.textContent.includes(${JSON.stringify(text)})`;

/** One instance that printed `lines` lines, in Chromium: read from its beginning, searched, and followed while it prints more. */
export const outputOfMany = async (lines: number): Promise<readonly Figure[]> => {
  const platform = await startPlatform({ env: { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '1' } });
  const client = new LoadClient(platform, 1);
  let opened: MeasuredPage | undefined;
  const submit = async (command: string): Promise<string> => {
    const constants = [{ key: 'DOCKER_CMD', value: command }];
    const task = { name: 'lines', profile: 'docker-batch', instanceCount: 1, constants };
    return (await client.call<{ readonly uuid: string }>('POST', '/tasks', task)).uuid;
  };
  try {
    const whole = await submit(`seq -f 'line %.0f of a log with some words in it' 1 ${lines}`);
    await success(client, whole, 200);
    opened = await openMeasured(platform);
    const { page, mainThread, heapMiB } = opened;
    await page.goto(`${platform.apiUrl}/ui/tasks/${whole}`);
    await page.getByRole('tab', { name: 'Output' }).waitFor();
    await mainThread();
    const count = lines.toLocaleString('en');
    await page.getByRole('tab', { name: 'Output' }).click();
    const firstMs = await untilShown(page, lineShown('line '));
    const allMs = firstMs + (await untilShown(page, `${said('that is all')} && ${lineShown(`line ${lines} of`)}`));
    const reading = await mainThread();
    const heap = await heapMiB();

    await page.getByLabel('Follow').uncheck();
    const jumpMs: number[] = [];
    for (const share of [0, 0.5, 1]) {
      await page.evaluate(`${LOG}.scrollTop = ${share} * (${LOG}.scrollHeight - ${LOG}.clientHeight)`);
      const line = share === 0 ? 1 : Math.round(share * lines);
      jumpMs.push(await untilShown(page, lineShown(`line ${share === 0.5 ? String(line).slice(0, -2) : line}`)));
    }
    const jumping = await mainThread();
    await page.getByLabel('Lines with').fill(`line ${lines} of`);
    const oneMs = await untilShown(page, said('1 line of'));
    await page.getByLabel('Lines with').fill('WORDS');
    await untilShown(page, `${LOG} != null && !${said('1 line of')}`);
    const allFoundMs = await untilShown(page, `${said(`${count} lines of`)}`);
    const searching = await mainThread();

    const more = await submit(`seq -f 'more %.0f words' 1 ${lines}`);
    await page.goto(`${platform.apiUrl}/ui/tasks/${more}?tab=output&find=words`);
    const followedMs = await untilShown(page, `${said('that is all')} && ${said(`${count} lines of`)}`);
    const following = await mainThread();
    const of = `output of ${lines} lines`;
    return [
      { name: `${of}: first lines`, value: firstMs, unit: 'ms' },
      { name: `${of}: the last line, all of it read`, value: allMs, unit: 'ms' },
      { name: `${of}: longest task of the main thread meanwhile`, value: reading.longestMs, unit: 'ms' },
      { name: `${of}: tasks of the main thread over 50 ms`, value: reading.longTasks, unit: '' },
      { name: `${of}: heap of scripts`, value: heap, unit: 'MiB' },
      {
        name: `${of}: a jump to the beginning, the middle or the end, longest`,
        value: Math.max(...jumpMs),
        unit: 'ms',
      },
      { name: `${of}: longest task of the main thread while jumping`, value: jumping.longestMs, unit: 'ms' },
      { name: `${of}: search that finds one line, the last`, value: oneMs, unit: 'ms' },
      { name: `${of}: search that finds them all`, value: allFoundMs, unit: 'ms' },
      { name: `${of}: longest task of the main thread while searching`, value: searching.longestMs, unit: 'ms' },
      { name: `${of}: followed and searched while they are printed`, value: followedMs, unit: 'ms' },
      { name: `${of}: longest task of the main thread meanwhile, followed`, value: following.longestMs, unit: 'ms' },
      { name: `${of}: heap of scripts, followed`, value: await heapMiB(), unit: 'MiB' },
    ];
  } finally {
    await opened?.close();
    client.close();
    await platform.stop();
  }
};
