import { MantineProvider, mergeThemeOverrides } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { ConsoleProvider } from './data/context.js';
import { LanguageProvider, useText } from './i18n/context.js';
import { termsText } from './i18n/terms/index.js';
import { Shell } from './shell/shell.js';
import { theme } from './shell/theme.js';
import { SignIn } from './sign-in/sign-in.js';
import { signInText } from './sign-in/text/index.js';
import { forget, type SignedIn } from './sign-in/token.js';

interface AppProps {
  /** Who was signed in already when the page was opened. */
  readonly initial: SignedIn | undefined;
  /** Why the link or the token that was kept did not sign in. */
  readonly trouble?: string | undefined;
  readonly nonce: string;
}

function Entrance({ initial, trouble }: Pick<AppProps, 'initial' | 'trouble'>) {
  const say = useText(signInText);
  const [signedIn, setSignedIn] = useState(initial);
  const [why, setWhy] = useState(trouble);
  const end = useCallback(() => {
    forget();
    setWhy(say('expired'));
    setSignedIn(undefined);
  }, [say]);
  if (!signedIn) return <SignIn trouble={why} onSignedIn={setSignedIn} />;
  const { token, me } = signedIn;
  return (
    <ConsoleProvider key={token} token={token} me={me} signOut={end}>
      <Shell />
    </ConsoleProvider>
  );
}

/** The theme, with names for the buttons that Mantine draws by itself. */
function Themed({ nonce, children }: { readonly nonce: string; readonly children: ReactNode }) {
  const term = useText(termsText);
  const say = useText(signInText);
  const named = useMemo(() => {
    const close = { closeButtonProps: { 'aria-label': term('close') } };
    const show = { visibilityToggleButtonProps: { 'aria-label': say('show') } };
    return mergeThemeOverrides(theme, {
      components: { Notification: { defaultProps: close }, PasswordInput: { defaultProps: show } },
    });
  }, [say, term]);
  return (
    <MantineProvider theme={named} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      {children}
    </MantineProvider>
  );
}

export function App({ initial, trouble, nonce }: AppProps) {
  return (
    <LanguageProvider>
      <Themed nonce={nonce}>
        <Notifications position="bottom-right" limit={4} />
        <Entrance initial={initial} trouble={trouble} />
      </Themed>
    </LanguageProvider>
  );
}
