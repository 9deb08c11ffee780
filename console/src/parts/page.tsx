import { Alert, Button, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';
import { useFailure } from './failure.js';
import { Icon, type IconName } from './icon.js';

export interface PageProps {
  readonly title: string;
  /** What stands beside the title, such as a count. */
  readonly aside?: ReactNode;
  /** Buttons at the end of the title's line. */
  readonly actions?: ReactNode;
  /** A page that fills the window and scrolls inside, such as a long table. */
  readonly isFull?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A page below the shell: its title, and what is on it. */
export function Page({ title, aside, actions, isFull = false, className = '', children }: PageProps) {
  return (
    <div className={`lc-page ${className}`} data-full={isFull || undefined}>
      <div className="lc-page-head">
        <Title order={1}>{title}</Title>
        {aside !== undefined && <div className="lc-page-aside">{aside}</div>}
        {actions !== undefined && <div className="lc-page-actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A white card with a heading. */
export function Card({
  title,
  actions,
  children,
}: {
  readonly title?: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="lc-card" aria-label={title}>
      {(title !== undefined || actions !== undefined) && (
        <div className="lc-card-head">
          {title !== undefined && <Title order={2}>{title}</Title>}
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

/** What a list shows that has nothing to show. */
export function Empty({ icon, children }: { readonly icon: IconName; readonly children: ReactNode }) {
  return (
    <div className="lc-empty">
      <Icon name={icon} size={32} />
      <p>{children}</p>
    </div>
  );
}

/** Why something could not be read or done, with a way to try again. */
export function Failure({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const say = useText(termsText);
  const sentence = useFailure();
  if (error === undefined) return null;
  return (
    <Alert color="red" variant="outline" role="alert" icon={<Icon name="warning" />}>
      <div className="lc-failure">
        <span>{sentence(error)}</span>
        {onRetry && (
          <Button size="compact-sm" variant="default" onClick={onRetry}>
            {say('retry')}
          </Button>
        )}
      </div>
    </Alert>
  );
}
