import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import initSqlJs from 'sql.js';

/** An application's own table, as the documents tell to guard it. */
export interface GuardedTable {
  add(id: string): Promise<void>;
  read(id: string): Promise<Row>;
  /** Raises the fence, so that lower ones write nothing any more, and reads the row. */
  claim(id: string, fence: number): Promise<Row | undefined>;
  /** Whether the row was written: not under a lower fence than it has seen. */
  write(id: string, body: string, fence: number): Promise<boolean>;
  /** Without looking at any fence. */
  writeBlindly(id: string, body: string): Promise<void>;
  close(): Promise<void>;
}

export interface Row {
  readonly body: string;
  readonly fence: number;
}

const CREATE =
  'CREATE TABLE IF NOT EXISTS invoices (id TEXT PRIMARY KEY, body TEXT NOT NULL, fence BIGINT NOT NULL)';
const ADD = "INSERT INTO invoices (id, body, fence) VALUES ($1, 'new', 0)";
const READ = 'SELECT body, fence FROM invoices WHERE id = $1';
const CLAIM = 'UPDATE invoices SET fence = $2 WHERE id = $1 AND fence <= $2 RETURNING body, fence';
const WRITE = 'UPDATE invoices SET body = $3, fence = $2 WHERE id = $1 AND fence <= $2 RETURNING body, fence';
const WRITE_BLINDLY = 'UPDATE invoices SET body = $2 WHERE id = $1';

type Query = (sql: string, values?: readonly (string | number)[]) => Promise<readonly unknown[][]>;

class SqlTable implements GuardedTable {
  readonly #query: Query;
  readonly close: () => Promise<void>;

  constructor(query: Query, close: () => Promise<void>) {
    this.#query = query;
    this.close = close;
  }

  async add(id: string): Promise<void> {
    await this.#query(ADD, [id]);
  }

  async read(id: string): Promise<Row> {
    const row = await this.#row(READ, [id]);
    if (!row) throw new Error(`there is no row ${id}`);
    return row;
  }

  claim(id: string, fence: number): Promise<Row | undefined> {
    return this.#row(CLAIM, [id, fence]);
  }

  async write(id: string, body: string, fence: number): Promise<boolean> {
    return (await this.#row(WRITE, [id, fence, body])) !== undefined;
  }

  async writeBlindly(id: string, body: string): Promise<void> {
    await this.#query(WRITE_BLINDLY, [id, body]);
  }

  async #row(sql: string, values: readonly (string | number)[]): Promise<Row | undefined> {
    const [row] = await this.#query(sql, values);
    return row && { body: String(row[0]), fence: Number(row[1]) };
  }
}

/** SQLite in this process's memory. */
export async function sqliteTable(): Promise<GuardedTable> {
  const folder = dirname(createRequire(import.meta.url).resolve('sql.js'));
  const { Database } = await initSqlJs({ locateFile: (file) => join(folder, file) });
  const database = new Database();
  database.run(CREATE);
  const query: Query = (sql, values = []) => {
    // SQLite numbers parameters with a question mark; what begins with a dollar is a name to it.
    const [found] = database.exec(sql.replaceAll('$', '?'), [...values]);
    return Promise.resolve(found?.values ?? []);
  };
  return new SqlTable(query, () => Promise.resolve(database.close()));
}

/** A PostgreSQL server that is there, over several connections. */
export async function postgresTable(connectionString: string): Promise<GuardedTable> {
  const pool = new pg.Pool({ connectionString, max: 8 });
  // A query that fails rejects by itself; connections that are being closed may outlive the server's.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  pool.on('error', () => undefined);
  const query: Query = async (text, values = []) => {
    const { rows } = await pool.query<unknown[]>({ text, values: [...values], rowMode: 'array' });
    return rows;
  };
  await query(CREATE);
  return new SqlTable(query, () => pool.end());
}
