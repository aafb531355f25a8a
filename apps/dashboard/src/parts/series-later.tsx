import { lazy, Suspense, type ComponentProps, type ReactNode } from 'react';
import type { Series } from './series.tsx';
import { Waiting } from './states.tsx';

const Drawn = lazy(async () => ({ default: (await import('./series.tsx')).Series }));

/** A drawing of values over time, which is loaded where one is shown. */
export const SeriesLater = (props: ComponentProps<typeof Series>): ReactNode => (
  <Suspense fallback={<Waiting />}>
    <Drawn {...props} />
  </Suspense>
);
