import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { readProjections, rebuild, type Projection } from '../../api/platform.ts';
import { useAction } from '../../known/use-action.ts';
import { Answered } from '../../parts/answered.tsx';
import { AskFirst } from '../../parts/ask.tsx';
import { count, counted } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';

type Report = Awaited<ReturnType<typeof rebuild>>;

/** What a rebuild found, in a few words. */
const textOf = (name: string, report: Report): string => {
  const { swapped, events, seconds, differences } = report as {
    readonly swapped: boolean;
    readonly events?: unknown;
    readonly seconds?: unknown;
    readonly differences?: unknown;
  };
  const found = Array.isArray(differences) ? differences.length : 0;
  const what = found === 0 ? 'each row is as the log says' : `${found} tables differ from what the log says`;
  return `${name}: ${what}; ${String(events ?? 'all')} events in ${String(seconds ?? '–')} s${swapped ? ', and the new rows are in use' : ''}`;
};

const State = ({ projection: { rebuilding } }: { readonly projection: Projection }): ReactNode =>
  rebuilding === undefined ? (
    'live'
  ) : (
    <Progress
      w={120}
      value={rebuilding.of === 0 ? 0 : (100 * rebuilding.sequence) / rebuilding.of}
      aria-label={`folded ${rebuilding.sequence} of ${rebuilding.of}`}
    />
  );

/** Where each read model stands in the log, and what can be done about one that is wrong. */
export const Projections = (): ReactNode => {
  const query = useQuery({ queryKey: ['projections'], queryFn: readProjections, refetchInterval: 2_000 });
  const [report, setReport] = useState<string>();
  const { mutate, isPending, variables } = useAction(
    async (wanted: { readonly name: string; readonly isDry: boolean }) => textOf(wanted.name, await rebuild(wanted)),
    ['projections'],
    setReport,
  );
  return (
    <Stack>
      {report !== undefined && (
        <Alert
          role="status"
          title={report}
          withCloseButton
          closeButtonLabel="Close"
          onClose={() => setReport(undefined)}
        />
      )}
      <Answered query={query}>
        {(projections) => (
          <>
            <Rows
              minWidth={700}
              label="Projections"
              heads={['Name', 'Service', 'At', 'Behind', 'State', '']}
              rows={projections}
              keyOf={({ service, name }) => `${service} ${name}`}
              cells={(projection) => {
                const { name, service, sequence, lag } = projection;
                const isBusy = isPending && variables.name === name;
                return [
                  name,
                  service,
                  count(sequence),
                  counted(lag, 'commit'),
                  <State key="state" projection={projection} />,
                  <Group key="do" gap="xs" wrap="nowrap">
                    <Button
                      size="compact-xs"
                      variant="default"
                      loading={isBusy}
                      aria-label={`Compare ${name} with the log`}
                      onClick={() => mutate({ name, isDry: true })}
                    >
                      Compare
                    </Button>
                    <AskFirst
                      label="Rebuild"
                      name={`Rebuild ${name}`}
                      question={`Rebuild ${name}?`}
                      detail="It is folded anew from the log beside what answers now, and takes its place when it is there."
                      isPending={isBusy}
                      onConfirm={() => mutate({ name, isDry: false })}
                    />
                  </Group>,
                ];
              }}
            />
            <Text size="sm" c="dimmed">
              Behind is counted in commits of the log that a projection has not folded yet.
            </Text>
          </>
        )}
      </Answered>
    </Stack>
  );
};
