import { ActionIcon, Menu, Text } from '@mantine/core';
import { useConsole } from '../data/context.js';
import { useFormat, useText } from '../i18n/context.js';
import { Icon } from '../parts/icon.js';
import { shellText } from './text/index.js';

export function AccountMenu() {
  const say = useText(shellText);
  const format = useFormat();
  const { me, signOut } = useConsole();
  return (
    <Menu position="bottom-end" width={240} withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={say('account')} title={me.user.name}>
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="lc-account">
          <Text fw={600}>{me.user.name}</Text>
          <Text size="sm" c="dimmed">
            {me.user.roles.join(', ')} · {me.tenant}
          </Text>
          <Text size="xs" c="dimmed">
            {say('signedInUntil', { time: format.dateTime(me.expiresAt) })}
          </Text>
        </div>
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="signOut" size={16} />} onClick={signOut}>
          {say('signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
