import { Alert } from '@mantine/core';
import { useFeed } from '../data/context.js';
import { useText } from '../i18n/context.js';
import { Icon } from '../parts/icon.js';
import { shellText } from './text/index.js';

/** A dot that says whether what is shown is live. */
export function ConnectionDot() {
  const say = useText(shellText);
  const { connection, refusal } = useFeed('connection');
  const text = say(connection, { why: refusal?.message ?? '' });
  return (
    <span className="lc-connection" data-connection={connection} role="status" title={text}>
      <span className="lc-dot" />
      <span className="lc-connection-text">{connection === 'live' ? say('live') : text}</span>
    </span>
  );
}

/** Says above the page that what it shows may be old. */
export function StaleNotice() {
  const say = useText(shellText);
  const { connection, refusal } = useFeed('connection');
  if (connection === 'live' || connection === 'connecting') return null;
  return (
    <Alert color="orange" variant="outline" icon={<Icon name="warning" />} className="lc-stale" role="alert">
      {connection === 'refused' ? say('refused', { why: refusal?.message ?? '' }) : say('stale')}
    </Alert>
  );
}
