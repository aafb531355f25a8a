import { Modal, type ModalProps } from '@mantine/core';
import { useEffect, useState, type ReactNode } from 'react';

/**
 * A dialog that is there for as long as it is rendered. It gives the focus back to what had it before; a Modal does so only where it stays rendered while it
 * is closed.
 */
export const Dialog = (props: Omit<ModalProps, 'opened'>): ReactNode => {
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // Not where it was taken elsewhere by then, as by a page that was gone to.
      const isNowhere = document.activeElement === null || document.activeElement === document.body;
      if (isNowhere && opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    },
    [opener],
  );
  return <Modal opened {...props} />;
};
