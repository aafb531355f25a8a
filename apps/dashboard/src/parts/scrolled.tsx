import { Table } from '@mantine/core';
import { useEffect, useRef, useState, type ReactNode } from 'react';

interface ScrolledProps {
  /** Where less room is, it is scrolled. */
  readonly minWidth: number;
  readonly label?: string | undefined;
  readonly children: ReactNode;
}

/** Scrolls a table that is wider than its place, with the keyboard as well: only then is it a stop of the Tab key. */
export const Scrolled = ({ minWidth, label = 'Table', children }: ScrolledProps): ReactNode => {
  const viewport = useRef<HTMLDivElement>(null);
  const [isWider, setWider] = useState(false);
  useEffect(() => {
    const place = viewport.current;
    if (place === null) return;
    const observer = new ResizeObserver(() => setWider(place.scrollWidth > place.clientWidth));
    for (const one of [place, ...place.children]) observer.observe(one);
    return () => observer.disconnect();
  }, []);
  const keyboard = isWider ? { tabIndex: 0, role: 'group', 'aria-label': `${label}, scrolled sideways` } : {};
  return (
    <Table.ScrollContainer
      minWidth={minWidth}
      w="100%"
      scrollAreaProps={{ viewportRef: viewport, viewportProps: keyboard }}
    >
      {children}
    </Table.ScrollContainer>
  );
};
