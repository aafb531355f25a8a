import { Slider, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Show } from '../../address/search.ts';
import { TASK } from '../../known/live-tasks.ts';
import { isBy } from '../../parts/moments.ts';

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
  // The newest of them that had happened by then: the moment itself where it is one of them.
  const shown =
    asOf === undefined
      ? last
      : Math.max(
          0,
          moments.findLastIndex((moment) => isBy(moment, asOf)),
        );
  const [place, setPlace] = useState<number>();
  useEffect(() => setPlace(undefined), [shown]);
  if (last < 2) return null;
  const labelOf = (at: number): string => {
    const moment = moments[at];
    return moment === undefined ? 'now' : `${moment.type}, ${new Date(moment.at).toLocaleTimeString()}`;
  };
  const value = place ?? shown;
  const isOther = asOf !== undefined && place === undefined && String(moments[shown]?.sequence) !== asOf;
  const said = isOther ? `${asOf} of the log` : labelOf(value);
  return (
    <div>
      <Text size="xs" c="dimmed" id="time-of-task">
        As it stood: {said}
      </Text>
      <Slider
        min={0}
        max={last}
        value={value}
        label={labelOf}
        thumbLabel="The moment that is shown"
        thumbProps={{ 'aria-valuetext': said }}
        onChange={setPlace}
        onChangeEnd={(at) => {
          const moment = moments[at];
          show({ asOf: moment === undefined ? undefined : String(moment.sequence) });
        }}
      />
    </div>
  );
};
