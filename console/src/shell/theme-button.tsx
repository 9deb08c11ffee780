import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useText } from '../i18n/context.js';
import { Icon } from '../parts/icon.js';
import { shellText } from './text/index.js';

/** Changes between light and dark; until it is used the machine's own choice holds. */
export function useOtherTheme(): { readonly isDark: boolean; readonly change: () => void } {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme('light') === 'dark';
  return { isDark, change: () => setColorScheme(isDark ? 'light' : 'dark') };
}

export function ThemeButton() {
  const say = useText(shellText);
  const { isDark, change } = useOtherTheme();
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      onClick={change}
      aria-label={say('theme')}
      title={say('theme')}
    >
      <Icon name={isDark ? 'sun' : 'moon'} />
    </ActionIcon>
  );
}
