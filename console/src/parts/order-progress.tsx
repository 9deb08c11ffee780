import type { Order, OrderCounts } from '@lastcall/shared';
import { useFormat, useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';

const WARN_STEPS = ['targeted', 'delivered', 'seen'] as const;
const LOGOFF_STEPS = [...WARN_STEPS, 'saving', 'saved', 'ended', 'verified'] as const;
type Step = (typeof LOGOFF_STEPS)[number] & keyof OrderCounts;

/** The steps an order goes through, for as many sessions as it has. */
export const stepsOf = ({ action }: Pick<Order, 'action'>): readonly Step[] =>
  action === 'warn' ? WARN_STEPS : LOGOFF_STEPS;

/** How far an order is, as one share of 1: what is proved of a logoff, what is told of a warning. */
export function shareOf({ action, counts }: Pick<Order, 'action' | 'counts'>): number {
  if (counts.targeted === 0) return 1;
  const decided = action === 'warn' ? counts.delivered : counts.verified + counts.unverified;
  return Math.min(1, decided / counts.targeted);
}

/** Each step with its count and a bar: targeted → delivered → … → verified. */
export function OrderProgress({ order }: { readonly order: Order }) {
  const say = useText(termsText);
  const format = useFormat();
  const { counts } = order;
  const rows = stepsOf(order).map((step) => ({ step, name: say(`step.${step}`), count: counts[step] }));
  return (
    <div>
      <ol className="lc-steps">
        {rows.map(({ step, name, count }) => (
          <li key={step} data-step={step} data-done={count === counts.targeted || undefined}>
            <span className="lc-step-count">{format.number(count)}</span>
            <span className="lc-step-name">{name}</span>
            <progress max={Math.max(1, counts.targeted)} value={count} aria-label={name} />
          </li>
        ))}
      </ol>
      {counts.unverified > 0 && (
        <p className="lc-unverified">
          {format.number(counts.unverified)} {say('step.unverified')}
        </p>
      )}
    </div>
  );
}
