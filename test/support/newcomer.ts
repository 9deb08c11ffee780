import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type ViteDevServer } from 'vite';
import { keepingNodeEnv } from './examples.js';
import { sectionOf } from './markdown.js';
import { ROOT, read } from './sources.js';

const CREATE = new URL('index.js', import.meta.resolve('create-vite/package.json')).pathname;
/** What the document says a broker's address is. */
const ADDRESS = 'http://127.0.0.1:4600';

/** What the README says to somebody with an empty application. */
export class NewcomersPath {
  readonly #blocks: readonly (readonly [language: string, text: string])[];

  constructor(section: string) {
    const found = sectionOf(read('README.md'), section).matchAll(/^```(\w+)\n([^]*?)^```$/gm);
    this.#blocks = Array.from(found, ([, language = '', text = '']) => [language, text] as const);
  }

  /** All that is written by hand. */
  get app(): string {
    return this.#blocks.find(([language]) => language === 'jsx')?.[1] ?? '';
  }

  /** The words of the command that makes a token, `lastcall` left out. */
  get tokenCommand(): readonly string[] {
    return this.#said(/npx lastcall (token [^)]+)\)/).split(' ');
  }

  get origin(): string {
    return this.#said(/LASTCALL_ALLOWED_ORIGINS=(\S+) npm start/);
  }

  /** The application, made and served as the document says. */
  async follow(brokerUrl: string, token: string, port: number): Promise<NewcomersApplication> {
    const [name = '', ...options] = this.#said(/npm create vite@latest (.+)/)
      .replace('-- ', '')
      .split(' ');
    return NewcomersApplication.start({
      folder: name,
      options,
      files: {
        '.env.local': `${this.#said(/echo "(\w+)=\$\(/)}=${token}\n`,
        'src/App.jsx': this.app.replace(ADDRESS, brokerUrl),
      },
      port,
    });
  }

  #said(pattern: RegExp): string {
    const said = this.#blocks.map(([, text]) => pattern.exec(text)?.[1]).find((text) => text !== undefined);
    if (said === undefined) throw new Error(`README.md does not say ${pattern.source}`);
    return said;
  }
}

interface Application {
  readonly folder: string;
  readonly options: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly port: number;
}

/** The application while it is served. */
export class NewcomersApplication {
  readonly #server: ViteDevServer;
  readonly #folder: string;

  private constructor(server: ViteDevServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  static async start({ folder, options, files, port }: Application): Promise<NewcomersApplication> {
    // Inside of the repository, where the packages that the template asks for are found.
    const place = mkdtempSync(join(ROOT, 'test/dist/newcomer-'));
    const root = join(place, folder);
    execFileSync(process.execPath, [CREATE, folder, ...options], { cwd: place, stdio: 'ignore' });
    for (const name of ['shared', 'client-sdk']) install(name, join(root, 'node_modules'));
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
    const server = await keepingNodeEnv(async () => {
      const made = await createServer({
        root,
        server: { port, strictPort: true },
        logLevel: 'error',
        clearScreen: false,
      });
      return await made.listen();
    });
    return new NewcomersApplication(server, place);
  }

  async stop(): Promise<void> {
    await this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** As from a packed file: what is built, not a link to where that is done. */
function install(folder: string, modules: string): void {
  const manifest = readFileSync(join(ROOT, folder, 'package.json'), 'utf8');
  const { name } = JSON.parse(manifest) as { readonly name: string };
  cpSync(join(ROOT, folder, 'dist'), join(modules, name, 'dist'), { recursive: true });
  writeFileSync(join(modules, name, 'package.json'), manifest);
}
