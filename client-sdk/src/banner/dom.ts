/** An element that can be styled from outside by its part. Texts are texts: nothing is read as HTML. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  part = '',
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const all = { part, class: part, ...attributes };
  for (const [name, value] of Object.entries(all)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A button. What is busy does nothing, but keeps the focus. */
export function button(part: string, press: () => unknown): HTMLButtonElement {
  const element = el('button', `button ${part}`, { type: 'button' });
  element.addEventListener('click', () => {
    if (element.ariaDisabled !== 'true') press();
  });
  return element;
}

/** Writes only what is new, so that nothing is read out twice. */
export function say(element: HTMLElement, text = ''): void {
  if (element.textContent !== text) element.textContent = text;
}
