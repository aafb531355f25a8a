const TERMINAL: readonly string[] = ['Success', 'Failure', 'Cancelled'];

/** A task in this state changes no more. */
export const isOver = (task: { readonly state: string }): boolean => TERMINAL.includes(task.state);
