import { Slider, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Show } from '../../address/search.ts';
import { TASK } from '../../known/live-tasks.ts';

/** So many of the first events can be reached by the slider; all of them by the history. */
const MOST = 1_000;

interface TimeSliderProps {
  readonly id: string;
  readonly asOf: string | undefined;
  readonly show: Show;
}

/** Leads through the past of a task: each place is one event, the last one is now. */
export const TimeSlider = ({ id, asOf, show }: TimeSliderProps): ReactNode => {
  const { data } = useQuery({
    queryKey: [TASK, id, 'moments'],
    queryFn: () =>
      bodyOf(api.GET('/fornax/v1/tasks/{id}/events', { params: { path: { id }, query: { limit: MOST } } })),
  });
  // What one commit tells happened at once.
  const moments = [...new Map((data?.events ?? []).map((event) => [event.sequence, event])).values()];
  const last = moments.length;
  const found = moments.findIndex(({ sequence }) => String(sequence) === asOf);
  const shown = asOf === undefined || found < 0 ? last : found;
  const [place, setPlace] = useState<number>();
  useEffect(() => setPlace(undefined), [shown]);
  if (last < 2) return null;
  const labelOf = (at: number): string => {
    const moment = moments[at];
    return moment === undefined ? 'now' : `${moment.type}, ${new Date(moment.at).toLocaleTimeString()}`;
  };
  const value = place ?? shown;
  return (
    <div>
      <Text size="xs" c="dimmed" id="time-of-task">
        As it stood: {labelOf(value)}
      </Text>
      <Slider
        min={0}
        max={last}
        value={value}
        label={labelOf}
        thumbLabel="The moment that is shown"
        thumbProps={{ 'aria-valuetext': labelOf(value) }}
        onChange={setPlace}
        onChangeEnd={(at) => {
          const moment = moments[at];
          show({ asOf: moment === undefined ? undefined : String(moment.sequence) });
        }}
      />
    </div>
  );
};
