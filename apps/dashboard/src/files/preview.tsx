import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { parse } from 'papaparse';
import type { ReactNode } from 'react';
import { readFile } from '../api/files.ts';
import { linkFor } from '../api/storage.ts';
import { bytes, count } from '../parts/format.tsx';
import { Failed, Waiting } from '../parts/states.tsx';
import { imageTypeOf, kindOf, nameOf, textOf, type FileKind } from './file-kinds.ts';
import { saveFile } from './save-file.ts';
import { Dialog } from '../parts/dialog.tsx';

/** More of a text nobody reads here. */
const MOST_BYTES = 256 * 1024;
const MOST_ROWS = 200;

/** A file that is looked at. */
export interface Looked {
  readonly bucket: string;
  readonly key: string;
  /** Its size where that is known. */
  readonly size: number;
}

interface Content {
  readonly kind: FileKind;
  readonly text: string;
}

const contentOf = async ({ bucket, key }: Looked): Promise<Content> => {
  const kind = kindOf(key);
  const type = imageTypeOf(key);
  if (type !== undefined) return { kind, text: await linkFor(bucket, { operation: 'read', key, type }) };
  if (kind === 'other') return { kind, text: '' };
  const text = textOf(new Uint8Array(await (await readFile(bucket, key, MOST_BYTES)).arrayBuffer()));
  return text === undefined ? { kind: 'other', text: '' } : { kind, text };
};

const Rows = ({ text, isCut }: { readonly text: string; readonly isCut: boolean }): ReactNode => {
  const { data } = parse<readonly string[]>(text, { skipEmptyLines: true, preview: MOST_ROWS + 1 });
  // The last line of a part may be half of one.
  const [head = [], ...rows] = isCut && data.length <= MOST_ROWS ? data.slice(0, -1) : data;
  return (
    <Table striped withTableBorder>
      <Table.Thead>
        <Table.Tr>
          {head.map((cell, at) => (
            <Table.Th key={at}>{cell}</Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row, at) => (
          <Table.Tr key={at}>
            {row.map((cell, column) => (
              <Table.Td key={column}>{cell}</Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
};

const Shown = ({ looked, content }: { readonly looked: Looked; readonly content: Content }): ReactNode => {
  const isCut = looked.size > MOST_BYTES;
  switch (content.kind) {
    case 'image':
      return <img src={content.text} alt={nameOf(looked.key)} className="picture" />;
    case 'other':
      return <Text>It is no text, no table and no picture: download it to look at it.</Text>;
    default:
      return (
        <Stack gap="xs">
          {isCut && (
            <Text size="sm" c="dimmed">
              Its first {bytes(MOST_BYTES)} of {bytes(looked.size)}
            </Text>
          )}
          <div className="content" tabIndex={0} role="region" aria-label="Content">
            {content.kind === 'table' ? (
              <Rows text={content.text} isCut={isCut} />
            ) : (
              <pre className="output">{content.text === '' ? '(nothing is in it)' : content.text}</pre>
            )}
          </div>
        </Stack>
      );
  }
};

/** Shows a file as text, table or picture. Nothing of it is ever run: text is text, whatever it says, and of pictures only those that hold no scripts are shown. */
export const Preview = ({ looked, onClose }: { readonly looked: Looked; readonly onClose: () => void }): ReactNode => {
  const { bucket, key, size } = looked;
  const { data, error } = useQuery({
    queryKey: ['preview', bucket, key, size],
    queryFn: () => contentOf(looked),
    gcTime: 0,
  });
  return (
    <Dialog onClose={onClose} title={nameOf(key)} size="xl">
      <Stack>
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {bucket}/{key} · {bytes(size)}
            {size >= 1_000 ? ` (${count(size)} B)` : ''}
          </Text>
          <Button size="xs" onClick={() => void saveFile(bucket, key)}>
            Download
          </Button>
        </Group>
        {error !== null && <Failed error={error} />}
        {data === undefined ? error === null && <Waiting /> : <Shown looked={looked} content={data} />}
      </Stack>
    </Dialog>
  );
};
