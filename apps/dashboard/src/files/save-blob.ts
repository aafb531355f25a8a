import { refuse } from '../api/client.ts';
import { patientFetch } from '../api/patient-fetch.ts';
import { readAsHeaders } from '../api/read-as.ts';
import { bytes } from '../parts/format.tsx';

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

/** More no browser holds without trouble: it is put together there before it is stored. */
export const MOST_BYTES = 2_000_000_000;

/** Has the browser keep what the platform answers to who reads as another account, which a link cannot say. @throws Refused @throws Error it is too large for a browser */
export const keepAnswer = async (path: string, name: string): Promise<void> => {
  const response = await patientFetch(new Request(path, { headers: readAsHeaders }));
  if (!response.ok) refuse(response.status, await response.json().catch(() => undefined));
  let sum = 0;
  const bounded = response.body?.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (piece, out) => {
        sum += piece.length;
        if (sum > MOST_BYTES)
          throw new Error(
            `It is more than ${bytes(MOST_BYTES)}, which no browser should hold. Its owner downloads it.`,
          );
        out.enqueue(piece);
      },
    }),
  );
  keepBlob(await new Response(bounded).blob(), name);
};
