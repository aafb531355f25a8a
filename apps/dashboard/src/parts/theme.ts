import { createTheme, type CSSVariablesResolver } from '@mantine/core';

/** Colors with a contrast of 4.5 to 1 and more in both schemes (WCAG 2.2, 1.4.3). */
export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 8, dark: 9 },
  autoContrast: true,
  defaultRadius: 'sm',
  fontFamily: 'system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, monospace',
  cursorType: 'pointer',
  components: { Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } } },
});

/** Text that stands back keeps the same contrast. */
export const colors: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#4b5563',
    '--mantine-color-anchor': '#1e40af',
    '--mantine-color-placeholder': '#5b6472',
  },
  dark: {
    '--mantine-color-dimmed': '#b6bcc6',
    '--mantine-color-anchor': '#a5b4fc',
    '--mantine-color-placeholder': '#a9b1bd',
  },
});
