import type { AuditVerdict } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Facts } from '../../parts/facts.js';
import { Icon } from '../../parts/icon.js';
import { Card, Failure } from '../../parts/page.js';
import { auditText } from './text/index.js';

function Verdict({ verdict }: { readonly verdict: AuditVerdict }) {
  const say = useText(auditText);
  const term = useText(termsText);
  const format = useFormat();
  const { ok, records, files, anchored, signed, lost, last, fault } = verdict;
  return (
    <>
      <p className="lc-chain" data-ok={ok || undefined} role="status">
        <Icon name={ok ? 'check' : 'warning'} /> {say(ok ? 'chainHolds' : 'chainBroken')}
      </p>
      <Facts
        rows={[
          ...(fault
            ? [
                [say(`fault.${fault.kind}`), fault.message] as const,
                [
                  say('faultAt'),
                  [`#${fault.seq}`, fault.file, fault.line].filter(Boolean).join(' · '),
                ] as const,
              ]
            : []),
          [say('records'), `${format.number(records)} · ${say('files', { count: files })}`],
          [say('anchored'), term(anchored ? 'yes' : 'no')],
          [say('signed'), term(signed ? 'yes' : 'no')],
          [say('lost'), format.number(lost)],
          ...(last ? [[say('last'), format.dateTime(last.at)] as const] : []),
        ]}
      />
    </>
  );
}

/** Reads the whole archive and says whether nothing in it was changed, taken out or cut off. */
export function Chain() {
  const say = useText(auditText);
  const { api } = useConsole();
  const [verdict, setVerdict] = useState<AuditVerdict>();
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const verify = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      setVerdict(await api.verifyAudit());
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  const button = (
    <Button size="xs" variant="default" loading={isBusy} onClick={() => void verify()}>
      {say('verify')}
    </Button>
  );
  return (
    <Card title={say('chain')} actions={button}>
      <Failure error={problem} />
      {verdict ? <Verdict verdict={verdict} /> : <p className="lc-soft">{say('chainHelp')}</p>}
    </Card>
  );
}
