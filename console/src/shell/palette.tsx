import { createSpotlight, Spotlight } from '@mantine/spotlight';
import { useMemo, useState } from 'react';
import { useConsole } from '../data/context.js';
import { useLanguage, useText } from '../i18n/context.js';
import { LANGUAGES, type Language } from '../i18n/languages.js';
import { Icon, type IconName } from '../parts/icon.js';
import { PAGES } from '../routes.js';
import { go } from './route.js';
import { shellText } from './text/index.js';
import { useOtherTheme } from './theme-button.js';

const MAX_PEOPLE = 8;

const [store, palette] = createSpotlight();
/** Opens the command palette, as Ctrl+K does. */
export const openPalette = palette.open;

interface Command {
  readonly id: string;
  readonly label: string;
  readonly hint?: string;
  readonly icon: IconName;
  readonly act: () => void;
}

function useEntries(): readonly Command[] {
  const say = useText(shellText);
  const { choose } = useLanguage();
  const { signOut } = useConsole();
  const { change } = useOtherTheme();
  const pages = PAGES.map(
    ({ id }): Command => ({ id, label: say('goTo', { page: say(id) }), icon: id, act: () => go(id) }),
  );
  const languages = (Object.keys(LANGUAGES) as Language[]).map(
    (code): Command => ({
      id: `language-${code}`,
      label: `${say('language')}: ${LANGUAGES[code].name}`,
      icon: 'globe',
      act: () => choose(code),
    }),
  );
  return [
    ...pages,
    { id: 'theme', label: say('theme'), icon: 'sun', act: change },
    ...languages,
    { id: 'sign-out', label: say('signOut'), icon: 'signOut', act: signOut },
  ];
}

/** People whose name or id has these letters; each once. */
function usePeople(query: string): readonly Command[] {
  const { feed } = useConsole();
  return useMemo(() => {
    const found = new Map<string, Command>();
    if (query.length < 2) return [];
    for (const { user } of feed.sessions.values()) {
      if (found.size === MAX_PEOPLE) break;
      if (!`${user.name} ${user.id}`.toLowerCase().includes(query)) continue;
      const act = (): void => go('sessions', '', { q: user.id });
      found.set(user.id, { id: `user-${user.id}`, label: user.name, hint: user.id, icon: 'user', act });
    }
    return [...found.values()];
  }, [feed, query]);
}

function Commands({ label, entries }: { readonly label: string; readonly entries: readonly Command[] }) {
  if (entries.length === 0) return null;
  return (
    <Spotlight.ActionsGroup label={label}>
      {entries.map(({ id, label: name, hint, icon, act }) => (
        <Spotlight.Action
          key={id}
          label={name}
          {...(hint === undefined ? {} : { description: hint })}
          leftSection={<Icon name={icon} />}
          onClick={act}
        />
      ))}
    </Spotlight.ActionsGroup>
  );
}

/** Everything by keyboard: Ctrl+K, some letters, Enter. */
export function Palette() {
  const say = useText(shellText);
  const [query, setQuery] = useState('');
  const wanted = query.trim().toLowerCase();
  const entries = useEntries().filter(({ label }) => label.toLowerCase().includes(wanted));
  const people = usePeople(wanted);
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      shortcut="mod + K"
      tagsToIgnore={[]}
      overlayProps={{ blur: 0, backgroundOpacity: 0.45 }}
      scrollable
      maxHeight={420}
      attributes={{ content: { 'aria-label': say('search') } }}
    >
      <Spotlight.Search
        placeholder={say('search')}
        aria-label={say('search')}
        leftSection={<Icon name="search" />}
      />
      <Spotlight.ActionsList>
        <Commands label={say('people')} entries={people} />
        <Commands label={say('actions')} entries={entries} />
        {entries.length + people.length === 0 && <Spotlight.Empty>{say('nothingFound')}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
