import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type ReactNode, type RefObject } from 'react';
import type { LineBuffer } from '../../known/line-buffer.ts';
import type { FoundLines } from '../../known/found-lines.ts';
import { AnsiLine } from '../../parts/ansi.tsx';

/** A million rows are 17,000,000 pixels: browsers lay out nothing beyond 17,895,697 (Firefox) or 33,554,428 (Chromium). */
const ROW_PX = 17;
/** Rows that are put into the page together: what places them costs by the groups that there are. */
const GROUP = 40;

/** A line that is asked for; it is gone to once. */
export interface Jump {
  /** The number of it, among those that are shown. */
  readonly line: number;
  /** Where it was asked for with the keyboard: if the focus is still there, the rows take it. */
  readonly from?: HTMLElement;
}

interface OutputRowsProps {
  readonly buffer: LineBuffer;
  readonly found: FoundLines;
  readonly follows: boolean;
  readonly jump: Jump | undefined;
  /** The place of its line, which may not be there yet. */
  readonly goTo: number | undefined;
  /** The last one that was done: these rows come and go with what is looked for. */
  readonly done: RefObject<Jump | undefined>;
}

/** Rows of output, of which only those in sight are in the page. */
export const OutputRows = ({
  buffer,
  found: { count, rowAt },
  follows,
  jump,
  goTo,
  done,
}: OutputRowsProps): ReactNode => {
  const place = useRef<HTMLDivElement>(null);
  const groups = useVirtualizer({
    count: Math.ceil(count / GROUP),
    getScrollElement: () => place.current,
    estimateSize: () => GROUP * ROW_PX,
    overscan: 1,
  });
  useEffect(() => {
    const element = place.current;
    if (follows && element !== null) element.scrollTop = count * ROW_PX;
  }, [follows, count]);
  const isThere = goTo !== undefined && goTo >= 0 && goTo < count;
  useEffect(() => {
    const element = place.current;
    if (!isThere || element === null || done.current === jump) return;
    done.current = jump;
    element.scrollTop = goTo * ROW_PX;
    if (jump?.from !== undefined && jump.from === document.activeElement) element.focus({ preventScroll: true });
  }, [isThere, goTo, jump, done]);
  return (
    <div
      ref={place}
      className="scrolled output"
      style={{ height: 'calc(100vh - 22rem)', minHeight: '14rem' }}
      tabIndex={0}
      role="log"
      aria-label="Output"
      aria-live="off"
    >
      <div style={{ height: count * ROW_PX, position: 'relative' }}>
        {groups.getVirtualItems().map(({ index, start }) => (
          <div key={index} style={{ position: 'absolute', transform: `translateY(${start}px)` }}>
            {Array.from({ length: Math.min(GROUP, count - index * GROUP) }, (_, at) => (
              <div key={at} style={{ height: ROW_PX, lineHeight: `${ROW_PX}px` }}>
                <AnsiLine text={buffer.at(rowAt(index * GROUP + at))} />
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
};
