import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useRefresh } from '../../data/use-refresh.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Icon } from '../../parts/icon.js';
import { Card, Failure } from '../../parts/page.js';
import { Table } from '../../parts/table.js';
import { overviewText } from './text/index.js';

/** How often the broker is asked how it is, in milliseconds. */
const ASKS_MS = 10_000;

/** The brokers that there are, and what each carries. */
export function Nodes() {
  const say = useText(overviewText);
  const format = useFormat();
  const { nodes } = useFeed('nodes');
  const now = useNow();
  const rows = nodes.map(({ id, version, sessions, startedAt, seenAt }) => ({
    key: id,
    cells: [
      <code key="id">{id}</code>,
      version,
      format.number(sessions),
      format.duration(now - startedAt),
      format.ago(now - seenAt),
    ],
  }));
  const columns = [say('node'), say('nodeVersion'), say('nodeSessions'), say('up'), say('seen')];
  return (
    <Card title={say('nodes')}>
      <Table label={say('nodes')} columns={columns} rows={rows} />
    </Card>
  );
}

/** What the broker says of itself and of its store. */
export function Health() {
  const say = useText(overviewText);
  const term = useText(termsText);
  const { api } = useConsole();
  const now = useNow(ASKS_MS);
  const { value, error, again } = useCall('ready', () => api.ready());
  useRefresh(Math.floor(now / ASKS_MS), again, ASKS_MS / 2);
  return (
    <Card title={say('health')}>
      <Failure error={error} onRetry={again} />
      {!value && error === undefined && <p>{term('loading')}</p>}
      {value && (
        <ul className="lc-checks">
          {value.checks.map(({ name, ok, detail }) => (
            <li key={name} data-ok={ok || undefined}>
              <Icon name={ok ? 'check' : 'warning'} size={15} /> <b>{name}</b>
              <span className="lc-soft">{detail}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
