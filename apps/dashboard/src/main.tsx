import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './parts/page.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './known/queries.ts';
import { router } from './router.tsx';
import { SignedIn } from './signed-in.tsx';
import { colors, theme } from './parts/theme.ts';

/** The platform allows what is styled at run time by a nonce of this answer. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
// What keeps the page still behind a dialog reads it here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

const place = document.getElementById('root');
if (place === null) throw new Error('the page has no place for the dashboard');
createRoot(place).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={colors} getStyleNonce={() => nonce}>
      <Notifications position="top-right" />
      <QueryClientProvider client={queries}>
        <SignedIn>
          <RouterProvider router={router} />
        </SignedIn>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
