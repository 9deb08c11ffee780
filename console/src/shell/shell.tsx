import { AppShell, Burger, NavLink, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { useText } from '../i18n/context.js';
import { Boundary } from '../parts/boundary.js';
import { Icon } from '../parts/icon.js';
import { FIRST_PAGE, PAGES, type PageRoute } from '../routes.js';
import { AccountMenu } from './account-menu.js';
import { ConnectionDot, StaleNotice } from './connection.js';
import { LanguageMenu } from './language-menu.js';
import { Logo } from './logo.js';
import { openPalette, Palette } from './palette.js';
import { hrefOf, usePlace } from './route.js';
import { TenantSwitch } from './tenant-switch.js';
import { shellText } from './text/index.js';
import { ThemeButton } from './theme-button.js';

/** Which page the address names; the sessions if it names none that there is. */
function usePage(): PageRoute {
  const { page } = usePlace();
  const found = PAGES.find(({ id }) => id === page) ?? PAGES.find(({ id }) => id === FIRST_PAGE);
  if (!found) throw new Error('There is no page');
  return found;
}

function Navigation({ current, onGo }: { readonly current: PageRoute; readonly onGo: () => void }) {
  const say = useText(shellText);
  return (
    <nav aria-label={say('navigation')} className="lc-navigation">
      {PAGES.map(({ id }) => (
        <NavLink
          key={id}
          href={hrefOf(id)}
          label={say(id)}
          leftSection={<Icon name={id} />}
          active={id === current.id}
          aria-current={id === current.id ? 'page' : undefined}
          onClick={onGo}
        />
      ))}
    </nav>
  );
}

function Header({ isOpen, onToggle }: { readonly isOpen: boolean; readonly onToggle: () => void }) {
  const say = useText(shellText);
  return (
    <div className="lc-header">
      <Burger
        opened={isOpen}
        onClick={onToggle}
        hiddenFrom="sm"
        size="sm"
        aria-label={say('openNavigation')}
      />
      <Logo />
      <ConnectionDot />
      <UnstyledButton className="lc-search" onClick={openPalette}>
        <Icon name="search" size={16} />
        <span className="lc-search-text">{say('search')}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </UnstyledButton>
      <div className="lc-header-end">
        <LanguageMenu />
        <ThemeButton />
        <AccountMenu />
      </div>
    </div>
  );
}

/** The frame around every page: header, menu, palette. */
export function Shell() {
  const say = useText(shellText);
  const route = usePage();
  const main = useRef<HTMLElement>(null);
  const [isOpen, { toggle, close }] = useDisclosure(false);
  useEffect(() => {
    document.title = `${say(route.id)} – Lastcall`;
  }, [route, say]);
  const { Page } = route;
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding={0}
    >
      <button type="button" className="lc-skip" onClick={() => main.current?.focus()}>
        {say('skip')}
      </button>
      <AppShell.Header>
        <Header isOpen={isOpen} onToggle={toggle} />
      </AppShell.Header>
      <AppShell.Navbar className="lc-navbar">
        <TenantSwitch />
        <Navigation current={route} onGo={close} />
      </AppShell.Navbar>
      <AppShell.Main ref={main} tabIndex={-1} className="lc-main">
        <StaleNotice />
        <Boundary key={route.id}>
          <Page />
        </Boundary>
      </AppShell.Main>
      <Palette />
    </AppShell>
  );
}
