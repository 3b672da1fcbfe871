import { createTheme, MantineProvider, NumberInput, Tooltip, type CSSVariablesResolver } from '@mantine/core';
import type { ReactNode } from 'react';

const theme = createTheme({
  fontFamily: 'var(--font-ui)',
  fontFamilyMonospace: 'var(--font-mono)',
  fontSizes: { xs: '11px', sm: '13px', md: '13px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '20px', md: '20px', lg: '24px', xl: '26px' },
  radius: { xs: '4px', sm: '6px', md: '6px', lg: '10px', xl: '10px' },
  defaultRadius: '6px',
  primaryColor: 'accent',
  primaryShade: { light: 6, dark: 4 },
  autoContrast: true,
  colors: {
    accent: [
      '#edf0fd',
      '#d8defa',
      '#bfc9f6',
      '#a6b9ff',
      '#8ca4ff',
      '#5d70db',
      '#3b50ce',
      '#2f42b4',
      '#26348f',
      '#1d2440',
    ],
  },
  components: {
    NumberInput: NumberInput.extend({ defaultProps: { hideControls: true } }),
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 300,
        events: { hover: true, focus: true, touch: true },
        styles: { tooltip: { background: 'var(--ink)', color: 'var(--bg)', fontSize: 12, lineHeight: '18px' } },
      },
    }),
  },
});

/** Mantine's own variables are the tokens under other names. */
const resolver: CSSVariablesResolver = () => {
  const roles = {
    '--mantine-color-body': 'var(--bg)',
    '--mantine-color-text': 'var(--ink)',
    '--mantine-color-default': 'var(--surface)',
    '--mantine-color-default-hover': 'var(--hover)',
    '--mantine-color-default-border': 'var(--line-2)',
    '--mantine-color-dimmed': 'var(--ink-3)',
    '--mantine-color-placeholder': 'var(--ink-3)',
    '--mantine-color-error': 'var(--bad)',
    '--mantine-color-anchor': 'var(--accent)',
    '--input-label-size': '12px',
  };
  return { variables: {}, light: roles, dark: roles };
};

export function ThemeProvider({ children }: { children: ReactNode }) {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={resolver} defaultColorScheme="auto">
      {children}
    </MantineProvider>
  );
}
