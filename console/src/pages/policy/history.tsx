import type { AuditRecord, PolicySettings } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useConsole, useFeed } from '../../data/context.js';
import { useRefresh } from '../../data/use-refresh.js';
import { useFormat, useText } from '../../i18n/context.js';
import { useActor } from '../../parts/actor.js';
import { Card, Empty, Failure } from '../../parts/page.js';
import { Pager, usePages } from '../../parts/pages.js';
import { SETTING_NAMES } from './settings.js';
import type { PolicyKey } from './text/en.js';
import { policyText } from './text/index.js';
import { useValue } from './words.js';

const ROWS = 10;

type Changes = Readonly<Record<string, unknown>>;

const isChanges = (value: unknown): value is Changes => typeof value === 'object' && value !== null;

/** What a record says of each setting that it changed. */
function changesIn({ details }: AuditRecord) {
  const changed = isChanges(details?.['changed']) ? details['changed'] : {};
  return SETTING_NAMES.flatMap((name) => {
    const change = changed[name];
    return isChanges(change) ? [{ name, from: change['before'], to: change['after'] }] : [];
  });
}

/** Puts back what a record changed, over the settings as they are. */
function before(record: AuditRecord, settings: PolicySettings): PolicySettings {
  const put = Object.fromEntries(changesIn(record).map(({ name, from }) => [name, from]));
  return { ...settings, ...put };
}

export interface HistoryProps {
  readonly settings: PolicySettings;
  readonly onRevert: (settings: PolicySettings) => void;
}

/** Who changed what, and when; a change can be taken back into the form. */
export function History({ settings, onRevert }: HistoryProps) {
  const say = useText(policyText);
  const format = useFormat();
  const actor = useActor();
  const value = useValue();
  const { api } = useConsole();
  const feed = useFeed('policy');
  const pages = usePages('policy', (cursor, signal) =>
    api.audit({ type: 'policy.changed' }, { limit: ROWS, ...(cursor ? { cursor } : {}) }, signal),
  );
  useRefresh(feed.version('policy'), pages.again);
  return (
    <Card title={say('history')}>
      <Failure error={pages.error} onRetry={pages.again} />
      {pages.items.length === 0 && !pages.isBusy && <Empty icon="policy">{say('noHistory')}</Empty>}
      <ol className="lc-changes">
        {pages.items.map((record) => (
          <li key={`${record.epoch}.${record.rev}`}>
            <div className="lc-card-head">
              <span>
                <b>{actor(record.by)}</b> · {format.dateTime(record.at)}
              </span>
              <Button size="compact-xs" variant="default" onClick={() => onRevert(before(record, settings))}>
                {say('revert')}
              </Button>
            </div>
            <ul>
              {changesIn(record).map(({ name, from, to }) => (
                <li key={name}>
                  {say(`name.${name}` as PolicyKey)}: <s>{value(name, from)}</s> → {value(name, to)}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
      <Pager {...pages.pager} />
    </Card>
  );
}
