import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const budget = {
  uuid: 'b1',
  alias: 'Q1',
  consumedAmountInCents: 1_205,
  totalAmountInCents: 50_000,
  remainingAmountInCents: 48_795,
  startDateUtc: '2026-01-01T00:00:00Z',
  budgetOverrunPolicy: 'BlockNew',
  isArchived: false,
  projectUuid: 'p1',
  thresholds: [50, 80],
  isActive: true,
  isExhausted: false,
};

describe('fornax budget', () => {
  const answers: Record<string, readonly [number, unknown]> = {
    'GET /fornax/v1/billing/budgets?project=p1': [
      200,
      [
        budget,
        { ...budget, uuid: 'b2', isExhausted: true, expirationDateUtc: '2027-01-01T00:00:00Z' },
        { ...budget, uuid: 'b3', isActive: false },
        { ...budget, uuid: 'b4', alias: '', isArchived: true },
      ],
    ],
    'POST /fornax/v1/billing/budgets': [200, budget],
    'PATCH /fornax/v1/billing/budgets/b1': [200, { ...budget, budgetOverrunPolicy: 'StopAndBlockAll' }],
    'DELETE /fornax/v1/billing/budgets/b1': [200, { ...budget, isArchived: true }],
  };
  const platform = cannedPlatform({ answers });
  const { fornax } = platform;
  beforeAll(() => platform.start());
  afterAll(() => platform.stop());
  const columns = (stdout: string): readonly (readonly string[])[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));

  it('lists those of a project, each with its state', async () => {
    const { code, stdout } = await fornax('budget', 'list', 'p1');
    expect(code).toBe(0);
    const [head, ...rows] = columns(stdout);
    expect(head).toEqual(['BUDGET', 'ALIAS', 'USED', 'TOTAL', 'POLICY', 'FROM', 'UNTIL', 'STATE']);
    expect(rows).toEqual([
      ['b1', 'Q1', '12.05', '500.00', 'BlockNew', '2026-01-01', '-', 'active'],
      ['b2', 'Q1', '12.05', '500.00', 'BlockNew', '2026-01-01', '2027-01-01', 'used up'],
      ['b3', 'Q1', '12.05', '500.00', 'BlockNew', '2026-01-01', '-', 'inactive'],
      ['b4', '-', '12.05', '500.00', 'BlockNew', '2026-01-01', '-', 'archived'],
    ]);
  });

  it('changes what is named, and nothing else', async () => {
    const { code, stdout } = await fornax(
      'budget',
      'change',
      'b1',
      ...['--amount', '600', '--policy', 'StopAndBlockAll', '--until', 'none', '--thresholds', '10,95'],
    );
    expect(code).toBe(0);
    expect(columns(stdout)[1]).toContain('StopAndBlockAll');
    expect(platform.bodies.at(-1)).toEqual({
      amount: '600',
      policy: 'StopAndBlockAll',
      until: 'none',
      thresholds: [10, 95],
    });
    await fornax('budget', 'change', 'b1', '--alias', 'new');
    expect(platform.bodies.at(-1)).toEqual({ alias: 'new' });
    expect((await fornax('budget', 'change', 'b1', '--thresholds', '10,x')).code).toBe(2);
  });

  it('makes and archives', async () => {
    expect(await fornax('budget', 'create', 'p1', '500', '--from', '2026-01-01', '--key', 'mine')).toMatchObject({
      code: 0,
    });
    expect(platform.bodies.at(-1)).toEqual({ project: 'p1', amount: '500', from: '2026-01-01' });
    const { code, stdout } = await fornax('budget', 'archive', 'b1');
    expect([code, columns(stdout)[1]?.at(-1)]).toEqual([0, 'archived']);
  });

  it('says what is refused', async () => {
    answers['POST /fornax/v1/billing/budgets'] = [403, { message: 'Only an operator may set budgets' }];
    const { code, stderr } = await fornax('budget', 'create', 'p1', '500');
    expect(code).not.toBe(0);
    expect(stderr).toContain('Only an operator may set budgets');
  });
});
