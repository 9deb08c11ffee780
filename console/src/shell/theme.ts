import { createTheme, type MantineColorsTuple } from '@mantine/core';

const brand: MantineColorsTuple = [
  '#eef2ff',
  '#dfe6fd',
  '#bccaf8',
  '#95abf3',
  '#7390ef',
  '#5c7eec',
  '#3f62dd',
  '#3457d5',
  '#2949b8',
  '#1d3a9b',
];

/** Grey with a little blue in it, so that dark pages are not flat. */
const dark: MantineColorsTuple = [
  '#d5d9e2',
  '#b4bac7',
  '#98a0b0',
  '#7a8396',
  '#454c5c',
  '#343a48',
  '#262b37',
  '#191d26',
  '#13161d',
  '#0e1117',
];

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 7, dark: 6 },
  colors: { brand, dark },
  defaultRadius: 'md',
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
  headings: { fontWeight: '650' },
  cursorType: 'pointer',
  respectReducedMotion: true,
});
