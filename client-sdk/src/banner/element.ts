import type { Drafts } from '../drafts.js';
import type { SessionClient } from '../session-client.js';
import type { Snapshot } from '../snapshot.js';
import { el, say } from './dom.js';
import { onScene, sceneNow } from './scene.js';
import { sheet } from './styles.js';
import { fillIn, type TextName, timeOf } from './texts.js';

const TICK_MS = 250;

/** Where there is no page, as when it is rendered on a server, the elements can be imported all the same. */
const Base =
  (globalThis as { HTMLElement?: typeof HTMLElement }).HTMLElement ??
  (Object as unknown as typeof HTMLElement);

/** What the elements have in common: a client, texts, and drawing what the client's snapshot says. */
export abstract class LastcallElement<C extends SessionClient = SessionClient> extends Base {
  protected readonly root: HTMLElement;
  #client: C | undefined;
  #drafts: Drafts | undefined;
  #ends: readonly (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.root = el('div', 'root');
    const shadow = this.attachShadow({ mode: 'open' });
    shadow.adoptedStyleSheets = [sheet()];
    shadow.append(this.root);
  }

  /** The client to show; that of `mountLastcall` without one. */
  get client(): C | undefined {
    return this.#client ?? (sceneNow().client as C | undefined);
  }

  set client(client: C | undefined) {
    this.#client = client;
    this.restart();
  }

  /** What keeps unsaved work; that of `mountLastcall` without one. */
  get drafts(): Drafts | undefined {
    return this.#drafts ?? sceneNow().drafts;
  }

  set drafts(drafts: Drafts | undefined) {
    this.#drafts = drafts;
    this.update();
  }

  connectedCallback(): void {
    // What was set before this class was known.
    for (const name of Object.keys(this)) {
      if (!(name in Object.getPrototypeOf(this))) continue;
      const value: unknown = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
    if (this.#ends.length === 0) this.restart();
  }

  disconnectedCallback(): void {
    // An element that is moved leaves and comes back at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#stop();
    });
  }

  /** Shows the snapshot, as it is now; says whether there is anything to count. */
  protected abstract draw(snapshot: Snapshot, client: C): boolean;

  /** Shows what passes by itself. */
  protected tick(): void {}

  /** The client is another one. Returns what ends listening to it. */
  protected begin(client: C): () => void {
    return client.subscribe(this.update);
  }

  protected restart(): void {
    this.#stop();
    if (!this.isConnected) return;
    let client: C | undefined;
    let end: (() => void) | undefined;
    const follow = (): void => {
      if (client !== this.client) {
        end?.();
        client = this.client;
        end = client && this.begin(client);
      }
      this.update();
    };
    this.#ends = [onScene(follow), () => end?.()];
    follow();
  }

  protected readonly update = (): void => {
    const { client } = this;
    if (!this.isConnected || !client) return;
    this.root.lang = sceneNow().language;
    this.root.dir = this.t('direction');
    clearInterval(this.#timer);
    if (!this.draw(client.getSnapshot(), client)) return;
    this.#timer = setInterval(() => {
      this.tick();
    }, TICK_MS);
    this.tick();
  };

  /** A button with this text, or none. */
  protected offer(button: HTMLButtonElement, name: TextName | false | '' | undefined, busy = false): void {
    button.hidden = !name;
    button.ariaDisabled = busy ? 'true' : null;
    if (name) say(button, this.t(name));
  }

  protected t(name: TextName, values: Readonly<Record<string, string>> = {}): string {
    return fillIn(sceneNow().texts[name], values, this.root.dir === 'rtl');
  }

  /** Time left, in words. */
  protected time(ms: number): string {
    return timeOf(ms, sceneNow().language);
  }

  #stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
    clearInterval(this.#timer);
  }
}
