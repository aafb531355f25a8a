import { describe, expect, it } from '@jest/globals';
import { pagesFor } from './pages-for.ts';

const labels = (...args: Parameters<typeof pagesFor>): readonly string[] => pagesFor(...args).map(({ label }) => label);

describe('the navigation', () => {
  it('has no page that only writes for who only reads, and none of the platform for who does not operate it', () => {
    expect(labels('auditor')).not.toContain('Submit');
    expect(labels('user')).toContain('Submit');
    expect(labels('user')).not.toContain('Platform');
    expect(labels('operator')).toContain('Platform');
  });

  it('leaves out what the platform does not have', () => {
    expect(labels('operator', ['storage'])).not.toContain('Buckets');
    expect(labels('operator', ['billing'])).not.toContain('Billing');
    expect(labels('operator')).toEqual(expect.arrayContaining(['Buckets', 'Billing']));
  });
});
