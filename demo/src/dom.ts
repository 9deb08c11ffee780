/** What an element consists of: elements, and text that stays text. */
export type Child = Node | string | false | undefined;
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** An element. Attributes that are `true` are set, those that are `false` or undefined are not. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  fill(element, ...children);
  return element;
}

/** Replaces what an element consists of. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...children.filter((child) => child !== false && child !== undefined));
}

/** The same for what is before its last child, which stays where it is and keeps the focus. */
export function fillBeforeLast(element: Element, ...children: readonly Child[]): void {
  for (const child of [...element.childNodes].slice(0, -1)) child.remove();
  element.prepend(...children.filter((child) => child !== false && child !== undefined));
}

/** A text field of a page changes only if the text does, so that nothing is read out twice. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export interface ButtonOptions {
  readonly kind?: 'primary' | 'danger' | 'quiet';
  readonly disabled?: boolean;
  readonly id?: string;
}

export function button(text: string, act: () => unknown, options: ButtonOptions = {}): HTMLButtonElement {
  const { kind, disabled, id } = options;
  const element = el(
    'button',
    { type: 'button', class: ['button', kind].filter(Boolean).join(' '), disabled, id },
    text,
  );
  element.addEventListener('click', () => {
    act();
  });
  return element;
}

/** The element of the page with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}
