import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { Scrolled } from './scrolled.tsx';

interface RowsProps<T> {
  /** Where less room is, it is scrolled. */
  readonly minWidth: number;
  readonly label?: string;
  readonly heads: readonly string[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** One for each head. */
  readonly cells: (row: T) => readonly ReactNode[];
}

/** A table: a head, and rows that are each told by their cells. */
export const Rows = <T,>({ minWidth, label, heads, rows, keyOf, cells }: RowsProps<T>): ReactNode => (
  <Scrolled minWidth={minWidth} label={label}>
    <Table {...(label === undefined ? {} : { 'aria-label': label })}>
      <Table.Thead>
        <Table.Tr>
          {heads.map((name) => (
            <Table.Th key={name}>{name}</Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={keyOf(row)}>
            {cells(row).map((cell, at) => (
              <Table.Td key={at}>{cell}</Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  </Scrolled>
);
