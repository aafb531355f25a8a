/**
 * A cell of CSV (RFC 4180) that no program takes for a formula, whoever wrote what is in it: such a text gets an apostrophe in front. A number below zero is
 * none, nor is a dash alone.
 */
export const csvCell = (value: string): string => {
  const isFormula = /^[=+\-@\t\r]/.test(value) && !/^-(?:\d+(?:\.\d+)?)?$/.test(value);
  const harmless = isFormula ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
};
