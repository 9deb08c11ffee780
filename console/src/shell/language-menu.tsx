import { ActionIcon, Menu } from '@mantine/core';
import { useLanguage, useText } from '../i18n/context.js';
import { LANGUAGES, type Language } from '../i18n/languages.js';
import { Icon } from '../parts/icon.js';
import { shellText } from './text/index.js';

export function LanguageMenu() {
  const say = useText(shellText);
  const { language, choose } = useLanguage();
  const codes = Object.keys(LANGUAGES) as Language[];
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={say('language')}
          title={say('language')}
        >
          <Icon name="globe" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {codes.map((code) => (
          <Menu.Item
            key={code}
            lang={code}
            onClick={() => choose(code)}
            leftSection={
              code === language ? <Icon name="check" size={16} /> : <span className="lc-no-icon" />
            }
          >
            {LANGUAGES[code].name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
