import type { ReactNode } from 'react';

export interface Row {
  readonly key: string;
  readonly cells: readonly ReactNode[];
  /** What its style depends on. */
  readonly state?: string | undefined;
}

export interface TableProps {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** A list of at most a page; in narrow windows each row becomes a card that names its cells. */
export function Table({ label, columns, rows }: TableProps) {
  return (
    <div className="lc-table-frame">
      <table className="lc-table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells, state }) => (
            <tr key={key} data-state={state}>
              {columns.map((column, index) => (
                <td key={column} data-name={column}>
                  {cells[index]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
