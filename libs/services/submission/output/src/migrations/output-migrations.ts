import { OutputTables1767312000001 } from './1767312000001-output-tables.migration.js';
import { Output1790000200000 } from './1790000200000-output.migration.js';
import { OutputTime1790000700000 } from './1790000700000-output-time.migration.js';

/** All that make the tables of output, in order. */
export const OUTPUT_MIGRATIONS = [OutputTables1767312000001, Output1790000200000, OutputTime1790000700000] as const;
