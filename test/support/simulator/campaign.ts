import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MOST_SEED } from './clock.js';
import type { Outcome } from './world.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../../../.histories/', import.meta.url));
/** Seeds that one process lives through: what is left of worlds that ended is gone with it. */
const BATCH = 25;
const STANDARD_SEEDS = 200;
const SAY_EVERY_MS = 60_000;

/** Lives through seeds in a process of their own, one after the other. @throws Error when the process dies */
export async function live(
  args: readonly string[],
  hear: (outcome: Outcome) => void = () => undefined,
): Promise<readonly Outcome[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcomes: Outcome[] = [];
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    // A process that dies leaves half a line behind.
    if (!line.endsWith('}')) return;
    const outcome = JSON.parse(line) as Outcome;
    outcomes.push(outcome);
    hear(outcome);
  });
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  if (code === 0 && complaints === '') return outcomes;
  throw new Error(`the process of ${args.join(' ')} ended with ${code}: ${complaints}`);
}

/** What to live through, as the environment says: SEED= one, else SEEDS= so many or for MINUTES=, beginning at FROM=. */
interface Plan {
  readonly from: number;
  readonly count: number;
  readonly untilMs: number;
}

function planOf(env: NodeJS.ProcessEnv): Plan {
  const numberOf = (name: string): number | undefined => {
    const text = env[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!(value > 0)) throw new Error(`${name} has to be a number above 0, not ${text}`);
    return value;
  };
  const [seed, minutes] = [numberOf('SEED'), numberOf('MINUTES')];
  const from = seed ?? numberOf('FROM') ?? (Date.now() % MOST_SEED) + 1;
  const count = seed === undefined ? (numberOf('SEEDS') ?? (minutes ? MOST_SEED : STANDARD_SEEDS)) : 1;
  const untilMs = minutes ? performance.now() + minutes * 60_000 : Number.POSITIVE_INFINITY;
  return { from, count: Math.min(count, MOST_SEED + 1 - from), untilMs };
}

/** Runs batches of seeds side by side, tells what it finds, and keeps the history of each seed that failed. */
class Campaign {
  readonly #plan: Plan;
  readonly #startedAt = performance.now();
  #next: number;
  #seeds = 0;
  #records = 0;
  #faults = 0;
  #failed = 0;
  #saidAt = performance.now();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#next = plan.from;
  }

  async run(): Promise<boolean> {
    await Promise.all(Array.from({ length: availableParallelism() }, () => this.#lane()));
    this.#sum();
    return this.#failed === 0 && this.#seeds > 0;
  }

  async #lane(): Promise<void> {
    const { from, count, untilMs } = this.#plan;
    const lanes = availableParallelism();
    while (this.#next < from + count && performance.now() < untilMs) {
      const seed = this.#next;
      const size = Math.max(1, Math.min(BATCH, Math.ceil(count / lanes), from + count - seed));
      this.#next += size;
      const args = ['--seed', String(seed), '--count', String(size)];
      await live(args, (outcome) => this.#hear(outcome)).catch((error: unknown) => {
        this.#failed += 1;
        process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
      });
    }
  }

  #hear({ seed, kinds, violations, journal, figures }: Outcome): void {
    this.#seeds += 1;
    this.#records += figures.records;
    this.#faults += figures.faults;
    if (violations.length > 0) {
      this.#failed += 1;
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(`${FOLDER}simulator-${seed}.jsonl`, journal);
      const lines = violations.map((line) => `  ${line}`).join('\n');
      process.stdout.write(
        `seed ${seed} (${kinds.join(', ')}):\n${lines}\n` +
          `  kept in .histories/simulator-${seed}.jsonl; SEED=${seed} npm run test:sim repeats it\n`,
      );
    }
    if (performance.now() - this.#saidAt < SAY_EVERY_MS) return;
    this.#saidAt = performance.now();
    this.#sum();
  }

  #sum(): void {
    const hours = (performance.now() - this.#startedAt) / 3_600_000;
    process.stdout.write(
      `${this.#seeds} seeds from ${this.#plan.from}, ${Math.round(this.#seeds / hours)} an hour; ` +
        `${this.#faults} faults, ${this.#records} records, ${this.#failed} failed\n`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await new Campaign(planOf(process.env)).run()) ? 0 : 1;
}
