import { describe, expect, it } from '@jest/globals';
import { isDataError } from './data-errors.js';

const ofDatabase = (code: string): Error => Object.assign(new Error('refused'), { driverError: { code } });

describe('an error of the database', () => {
  it.each(['21000', '22021', '23505', '54000', '54023'])('%s is about the data, which stays as it is', (code) =>
    expect(isDataError(ofDatabase(code))).toBe(true),
  );
  it.each(['08006', '40001', '53100', '53300', '55P03', '57014', '57P01', '58030', 'XX000'])(
    '%s is not: the same may go well later',
    (code) => expect(isDataError(ofDatabase(code))).toBe(false),
  );
});
