import { Alert, Button, Paper, PasswordInput, Text, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useText } from '../i18n/context.js';
import { useFailure } from '../parts/failure.js';
import { LanguageMenu } from '../shell/language-menu.js';
import { Logo } from '../shell/logo.js';
import { signInText } from './text/index.js';
import { type SignedIn, signIn } from './token.js';

export interface SignInProps {
  /** Why nobody is signed in (any more). */
  readonly trouble?: string | undefined;
  readonly onSignedIn: (signedIn: SignedIn) => void;
}

/** Asks for a token; links sign in by themselves. */
export function SignIn({ trouble, onSignedIn }: SignInProps) {
  const say = useText(signInText);
  const sentence = useFailure();
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const submit = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      onSignedIn(await signIn(token.trim()));
    } catch (error) {
      setProblem(sentence(error));
      setBusy(false);
    }
  };
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    void submit();
  };
  return (
    <main className="lc-sign-in">
      <Paper className="lc-sign-in-card" shadow="lg" radius="lg" withBorder>
        <Logo />
        <Title order={1}>{say('title')}</Title>
        <Text c="dimmed">{say('lead')}</Text>
        {(problem ?? trouble) !== undefined && (
          <Alert color="red" variant="outline" role="alert">
            {problem ?? trouble}
          </Alert>
        )}
        <form onSubmit={onSubmit}>
          <PasswordInput
            label={say('token')}
            description={say('tokenHelp')}
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            autoFocus
          />
          <Button type="submit" fullWidth loading={isBusy} disabled={token.trim() === ''}>
            {say('signIn')}
          </Button>
        </form>
        <Text size="sm" c="dimmed">
          {say('kept')}
        </Text>
      </Paper>
      <LanguageMenu />
    </main>
  );
}
