import type { AuditRecord } from '@lastcall/shared';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useActor } from '../../parts/actor.js';
import { Side } from '../../parts/dialog.js';
import { type Fact, Facts } from '../../parts/facts.js';
import { hrefOf } from '../../shell/route.js';
import { auditText } from './text/index.js';

const fact = (name: string, value: Fact[1] | undefined): readonly Fact[] =>
  value === undefined ? [] : [[name, value]];

function Link({ page, id }: { readonly page: string; readonly id: string }) {
  return (
    <a href={hrefOf(page, id)}>
      <code>{id}</code>
    </a>
  );
}

/** Everything that one record says. */
export function RecordSide({
  record,
  onClose,
}: {
  readonly record: AuditRecord;
  readonly onClose: () => void;
}) {
  const say = useText(auditText);
  const term = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const { at, by, user, sessionId, orderId, resource, fence, reason, details, epoch, rev, type } = record;
  return (
    <Side title={term(`record.${type}`)} onClose={onClose}>
      <Facts
        rows={[
          [term('at'), `${format.dateTime(at)} · ${format.time(at)}`],
          [term('by'), [actor(by), by.id, by.kind].filter(Boolean).join(' · ')],
          ...fact(term('person'), user ? `${user.name} · ${user.id}` : undefined),
          ...fact(say('session'), sessionId && <Link page="sessions" id={sessionId} />),
          ...fact(say('order'), orderId && <Link page="orders" id={orderId} />),
          ...fact(say('resource'), resource === undefined ? undefined : <code>{resource}</code>),
          ...fact(say('fence'), fence === undefined ? undefined : String(fence)),
          ...fact(term('reason'), reason),
          [say('place'), `${epoch}.${rev}`],
        ]}
      />
      {details && (
        <>
          <h3>{say('details')}</h3>
          <pre className="lc-details" tabIndex={0}>
            {JSON.stringify(details, undefined, 2)}
          </pre>
        </>
      )}
    </Side>
  );
}
