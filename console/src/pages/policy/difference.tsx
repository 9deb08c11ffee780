import type { PolicySettings } from '@lastcall/shared';
import { useText } from '../../i18n/context.js';
import { Table } from '../../parts/table.js';
import { changedIn } from './settings.js';
import type { PolicyKey } from './text/en.js';
import { policyText } from './text/index.js';
import { useEffectOf, useValue } from './words.js';

export interface DifferenceProps {
  readonly from: PolicySettings;
  readonly to: PolicySettings;
}

/** What changes, from what to what, and what that does to people. */
export function Difference({ from, to }: DifferenceProps) {
  const say = useText(policyText);
  const value = useValue();
  const effect = useEffectOf();
  const rows = changedIn(from, to).map((name) => ({
    key: name,
    cells: [
      say(`name.${name}` as PolicyKey),
      <s key="from">{value(name, from[name])}</s>,
      <b key="to">{value(name, to[name])}</b>,
      effect(name, to),
    ],
  }));
  const columns = [say('setting'), say('before'), say('after'), say('effect')];
  return <Table label={say('difference')} columns={columns} rows={rows} />;
}
