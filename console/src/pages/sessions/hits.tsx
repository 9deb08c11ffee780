import type { Preview } from '../../data/api.js';
import { useFormat, useText } from '../../i18n/context.js';
import { Icon } from '../../parts/icon.js';
import { State } from '../../parts/state.js';
import { sessionsText } from './text/index.js';

/** People whose names are listed. */
const LISTED = 6;

/** Who would be hit, as the broker says. */
export function Hits({ preview }: { readonly preview: Preview }) {
  const say = useText(sessionsText);
  const format = useFormat();
  const { total, items, spared } = preview;
  const isWhole = items.length === total;
  const people = new Set(items.map(({ user }) => user.id)).size;
  const unsaved = items.filter(({ dirty }) => dirty).length;
  return (
    <section className="lc-hits" aria-label={say('act.hits')} aria-live="polite">
      <p className="lc-hits-count">
        <span className="lc-soft">{say('act.hits')}</span>
        <strong>{say(total === 0 ? 'act.hitsNobody' : 'count', { count: total })}</strong>
        {isWhole && total > 0 && <span className="lc-soft">{say('people', { count: people })}</span>}
        {unsaved > 0 && (
          <span className="lc-dirty">
            <Icon name="unsaved" size={14} /> {say('unsavedCount', { count: format.number(unsaved) })}
          </span>
        )}
      </p>
      <ul className="lc-hits-list">
        {items.slice(0, LISTED).map(({ id, user, state, dirty, view }) => (
          <li key={id}>
            <span className="lc-strong">{user.name}</span>
            <State state={state} />
            <span className="lc-soft">{view}</span>
            {dirty && <b className="lc-dirty">{say('unsaved')}</b>}
          </li>
        ))}
        {total > LISTED && <li className="lc-soft">{say('act.more', { count: total - LISTED })}</li>}
      </ul>
      {spared && (
        <p className="lc-spared">
          <Icon name="info" size={15} /> {say('act.spared', { name: spared.name })}
        </p>
      )}
    </section>
  );
}
