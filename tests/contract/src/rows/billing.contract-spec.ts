import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { csharpStyle, everyStyle, styles, type StyledClient } from '../clients/styles.js';
import { aTask, command, run, submit, unique } from '../clients/tasks.js';

/** What the official clients read, and what the public description calls the same. */
const SNAKE =
  `total_consumed_energy_Wh total_energy_it_Wh total_reused_energy_Wh qarnot_carbon_footprint equivalent_DC_carbon_footprint
  saved_carbon_footprint_compute saved_carbon_footprint_heat saved_carbon_footprint_compute_heat saved_carbon_footprint_percent
  PUE ERE ERF WUE`.split(/\s+/);
const CAMEL = 'totalConsumedEnergyWh carbonFootprintC02Eq pue ere erf wue'.split(' ');

const factsOf = async (client: StyledClient, path: string): Promise<Readonly<Record<string, unknown>>> => {
  const answer = await client.send('GET', path);
  expect({ path, status: answer.status }).toEqual({ path, status: 200 });
  return answer.json() as Readonly<Record<string, unknown>>;
};
const created = async (client: StyledClient, what: 'tasks' | 'pools'): Promise<string> => {
  if (what === 'tasks') return submit(client, aTask());
  const body = { name: 'carbon', profile: 'docker-batch', instanceCount: 1 };
  const answer = await client.send('POST', '/pools', { body });
  return (answer.json() as { readonly uuid: string }).uuid;
};

describe.each([...everyStyle, ...styles('go')])('carbon facts, by $style', (client) => {
  it(`[row 43 ${client.style}] are there at once, of tasks and pools, in any case of the path, with both sets of names`, async () => {
    for (const what of ['tasks', 'pools'] as const) {
      const id = await created(client, what);
      const named = what === 'tasks' ? 'Tasks' : 'Pools';
      const key = what === 'tasks' ? 'comparisonDatacenter' : 'comparisonDataCenter';
      for (const path of [
        `/carbon/v1/${what}/${id}/carbon-facts`,
        `/carbon/v1/${what}/${id}/carbon-facts?`,
        `/carbon/v1/${named}/${id}/carbon-facts?${key}=european_dc`,
        `/carbon/v1/${what}/${id}/carbon-facts?${key}=`,
      ]) {
        const facts = await factsOf(client, path);
        expect(facts).toMatchObject({ equivalent_datacenter_name: 'Common European Datacenter' });
        for (const name of [...SNAKE, ...CAMEL])
          expect({ name, is: typeof facts[name] }).toEqual({ name, is: 'number' });
        expect(facts['pue']).toBe(facts['PUE']);
      }
      if (what === 'pools') expect((await client.send('DELETE', `/pools/${id}`)).status).toBe(200);
      const none = await client.send('GET', `/carbon/v1/${what}/${randomUUID()}/carbon-facts`);
      expect([none.status, none.text]).toEqual([404, expect.stringContaining('No such')]);
    }
  });
});

describe('credits, by csharp', () => {
  it('[row 44 csharp] are what was consumed, and what is left', async () => {
    const { uuid } = await run(csharpStyle, aTask(command('sleep 0.3')));
    const of = async (path: string): Promise<number> => {
      const answer = await csharpStyle.send('GET', path);
      expect(answer.status).toBe(200);
      return (answer.json() as { readonly credits: number }).credits;
    };
    expect(await of(`/credits/v1/tasks/${uuid}/credits`)).toBeGreaterThan(0);
    expect(Number.isFinite(await of('/credits/v1/accounts/credits'))).toBe(true);
    expect((await csharpStyle.send('GET', `/credits/v1/pools/${uuid}/credits`)).status).toBe(404);
  });
});

describe.each([...everyStyle])('from a statement to events, by $style', (client) => {
  it(`[row 44 ${client.style}] the way leads from a row to lines, from a line to its attempt, and to the event that ended it`, async () => {
    const tag = unique('drill');
    const { uuid } = await run(client, aTask({ ...command('sleep 0.1'), instanceCount: 2, tags: [tag] }));
    const follow = async <T>(path: string): Promise<T> => {
      const answer = await client.send('GET', path);
      expect({ path, status: answer.status }).toEqual({ path, status: 200 });
      return answer.json() as T;
    };
    const from = new Date().toISOString().slice(0, 7);
    const { rows } = await follow<{
      readonly rows: readonly {
        by: { task: string; tag: string | null };
        attempts: number;
        nanos: string;
        lines: string;
      }[];
    }>(`/fornax/v1/billing/statements?from=${from}&groupBy=task,tag&limit=10000`);
    const row = rows.find(({ by }) => by.tag === tag);
    expect(row).toMatchObject({ by: { task: uuid }, attempts: 2, lines: expect.any(String) });
    const { lines } = await follow<{
      readonly lines: readonly {
        readonly instance: number;
        readonly attempt: number;
        readonly leaseId: string;
        readonly sequence: number;
        readonly amountNanos: string;
        readonly links: { readonly of: string; readonly events: string };
      }[];
    }>(row?.lines ?? '');
    expect(lines.map(({ instance, attempt }) => [instance, attempt])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    for (const { instance, attempt, leaseId, sequence, links } of lines) {
      expect(await follow(links.of)).toMatchObject({ uuid });
      const { events } = await follow<{ readonly events: readonly object[] }>(links.events);
      expect(events).toContainEqual(
        expect.objectContaining({
          sequence,
          type: 'InstancesConcluded',
          data: expect.objectContaining({
            attempts: expect.arrayContaining([expect.objectContaining({ instance, attempt, leaseId })]),
          }),
        }),
      );
    }
  });
});

describe('budgets, by csharp', () => {
  it('[row 45 csharp] are listed for a project, the active ones alone where they are asked for', async () => {
    const projects = (await csharpStyle.send('GET', '/fornax/v1/me/projects')).json() as readonly {
      readonly uuid: string;
    }[];
    const project = projects[0]?.uuid;
    const alias = unique('budget');
    const body = { project, amount: '12.5', alias, until: '2099-12-31' };
    const made = await csharpStyle.send('POST', '/fornax/v1/billing/budgets', { body });
    expect(made.status).toBe(200);
    const { uuid } = made.json() as { readonly uuid: string };
    const listed = async (query: string) => {
      const answer = await csharpStyle.send('GET', `/credits/v1/projects/${project}/budgets${query}`);
      expect(answer.status).toBe(200);
      return (answer.json() as { readonly budgets: readonly { readonly uuid: string }[] }).budgets.filter(
        (budget) => budget.uuid === uuid,
      );
    };
    expect(await listed('?activeOnly=true')).toMatchObject([
      { alias, totalAmountInCents: 1_250, budgetOverrunPolicy: 'AlertOnly', isArchived: false },
    ]);
    expect((await csharpStyle.send('DELETE', `/fornax/v1/billing/budgets/${uuid}`)).status).toBe(200);
    expect(await listed('?activeOnly=true')).toEqual([]);
    expect(await listed('')).toMatchObject([{ isArchived: true }]);
    const none = await csharpStyle.send('GET', `/credits/v1/projects/${randomUUID()}/budgets?activeOnly=true`);
    expect([none.status, none.text]).toEqual([404, expect.stringContaining('No such project')]);
  });
});
