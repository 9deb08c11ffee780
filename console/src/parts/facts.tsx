import type { ReactNode } from 'react';

export type Fact = readonly [name: string, value: ReactNode];

/** Names and what they stand for, one below the other. */
export function Facts({ rows }: { readonly rows: readonly Fact[] }) {
  return (
    <dl className="lc-facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
