import type { LastcallClient } from '../client.js';
import type { LostReason, LostView, RequestedView, Snapshot } from '../snapshot.js';
import { button, el, say } from './dom.js';
import { Card, voice } from './parts.js';
import { sceneNow } from './scene.js';
import type { TextName } from './texts.js';
import { Urgent } from './urgent.js';

/** Losses that are told; the others come with an end, which says more, or were wished for. */
const LOST: Readonly<Partial<Record<LostReason, TextName>>> = {
  takeover: 'lost_takeover',
  idle: 'lost_idle',
  admin: 'lost_admin',
  lease: 'lost_other',
  away: 'lost_other',
  data_loss: 'lost_other',
};

/** `<lastcall-takeover>`: tells who holds a record that somebody asks for it, and who lost one that it is gone. */
export class LastcallTakeover extends Urgent<LastcallClient> {
  protected override readonly left = 'handedOverIn';
  readonly #yield = button('primary', () => this.#handOver());
  readonly #keep = button('keep', () => {
    this.client?.keep(this.#request?.requestId ?? '').catch(() => undefined);
  });
  readonly #later = button('aside', () => {
    this.putAside();
  });
  readonly #reason = el('blockquote', 'reason');
  readonly #ok = button('primary', () => {
    if (this.#lost) this.#read.add(this.#lost.fence);
    this.update();
  });
  readonly #why = el('p', 'text');
  readonly #loss = new Card([this.#ok], this.#why);
  readonly #lossVoice = voice();
  /** Losses that the person has read, by their fences. */
  readonly #read = new Set<number>();
  #request: RequestedView | undefined;
  #lost: LostView | undefined;

  constructor() {
    super();
    this.build([this.#reason, this.clock], [this.#yield, this.#keep, this.#later], []);
    this.root.append(this.#loss.element, this.#lossVoice);
  }

  protected override draw({ requested, lost, status }: Snapshot): boolean {
    const [request] = requested;
    this.#request = request;
    const title = request ? this.#say('askedTitle', request) : '';
    this.urge(request?.requestId, title);
    if (request) {
      const busy = request.work === 'saving' || request.work === 'saved';
      say(this.panel.title, title);
      say(this.panel.text, this.t('askedText'));
      say(this.#reason, request.reason);
      if (busy) say(this.panel.note, this.t(`work_${request.work}`));
      this.offer(this.#yield, 'handOver', busy);
      this.offer(this.#keep, 'keep');
      this.offer(this.#later, 'later');
    }
    this.#tellLoss(status === 'ended' ? [] : lost);
    return request !== undefined;
  }

  #say(text: TextName, { by, resource }: Pick<LostView, 'by' | 'resource'>): string {
    return this.t(text, { name: by?.name ?? this.t('somebody'), record: sceneNow().label(resource) });
  }

  #tellLoss(lost: readonly LostView[]): void {
    const told = lost.findLast(({ reason, fence }) => LOST[reason] && !this.#read.has(fence));
    const why = told && LOST[told.reason];
    const text = why ? `${this.#say(why, told)} ${this.t('lostText')}` : '';
    this.#lost = told;
    this.#loss.show(told && this.#say('lostTitle', told));
    say(this.#why, text);
    say(this.#lossVoice, text);
    this.offer(this.#ok, 'ok');
  }

  async #handOver(): Promise<void> {
    // When nobody asks any more, or the time decides, there is nothing to say.
    const result = await this.client?.yield(this.#request?.requestId ?? '').catch(() => undefined);
    if (result?.saved === false) say(this.panel.note, this.t('work_failed'));
  }
}
