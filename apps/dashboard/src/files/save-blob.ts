import { refuse } from '../api/client.ts';
import { readAsHeaders } from '../api/read-as.ts';

/** Has the browser keep what an address leads to. */
export const keep = (href: string, name: string): void => {
  const anchor = document.createElement('a');
  anchor.href = href;
  anchor.download = name;
  anchor.rel = 'noopener';
  anchor.click();
};

/** Has the browser keep what the page holds. */
export const keepBlob = (blob: Blob, name: string): void => {
  const url = URL.createObjectURL(blob);
  keep(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
};

/** Has the browser keep what the platform answers to who reads as another account, which a link cannot say. @throws Refused */
export const keepAnswer = async (path: string, name: string): Promise<void> => {
  const response = await fetch(path, { headers: readAsHeaders });
  if (!response.ok) refuse(response.status, await response.json().catch(() => undefined));
  keepBlob(await response.blob(), name);
};
