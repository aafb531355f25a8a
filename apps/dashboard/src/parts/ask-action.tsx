import type { QueryKey } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useAction } from '../known/use-action.ts';
import { AskFirst } from './ask.tsx';

interface AskActionProps {
  readonly label: string;
  /** What stands for the label where many have the same. */
  readonly name?: string;
  readonly question: string;
  /** What is lost. */
  readonly detail: string;
  readonly run: () => Promise<unknown>;
  /** Of what is asked for again. */
  readonly queryKey: QueryKey;
  readonly onDone?: () => void;
}

/** A button that does what cannot be undone, once it was asked about. */
export const AskAction = ({ run, queryKey, onDone, ...asked }: AskActionProps): ReactNode => {
  const { mutate, isPending } = useAction(run, queryKey, onDone);
  return <AskFirst {...asked} isPending={isPending} onConfirm={() => mutate(undefined)} />;
};
