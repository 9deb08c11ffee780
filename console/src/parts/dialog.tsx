import { Button, Drawer, Modal } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';
import { Failure } from './page.js';

export interface DialogProps {
  readonly title: string;
  readonly size?: 'md' | 'lg' | 'xl';
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A dialog over the page; its state goes with it when it is closed. */
export function Dialog({ title, size = 'md', onClose, children }: DialogProps) {
  const say = useText(termsText);
  return (
    <Modal.Root opened onClose={onClose} size={size}>
      <Modal.Overlay />
      <Modal.Content>
        <div className="lc-dialog-head">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label={say('close')} />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** What belongs to a row of a list, at the end of the window. */
export function Side({ title, onClose, children }: Omit<DialogProps, 'size'>) {
  const say = useText(termsText);
  return (
    <Drawer.Root opened onClose={onClose} position="right" size={460}>
      <Drawer.Overlay backgroundOpacity={0.25} />
      <Drawer.Content>
        <div className="lc-dialog-head">
          <Drawer.Title>{title}</Drawer.Title>
          <Drawer.CloseButton aria-label={say('close')} />
        </div>
        <Drawer.Body>{children}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

export interface DialogFormProps {
  readonly isReady: boolean;
  /** What the button says. */
  readonly submit: string;
  readonly isDangerous?: boolean;
  /** What the dialog is for; it closes when that is done, and says why it failed. */
  readonly act: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** The form of a dialog, with its buttons. */
export function DialogForm({
  isReady,
  submit,
  isDangerous = false,
  act,
  onClose,
  children,
}: DialogFormProps) {
  const say = useText(termsText);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const run = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act();
      onClose();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady && !isBusy) void run();
  };
  return (
    <form className="lc-dialog" onSubmit={onSubmit}>
      {children}
      <Failure error={problem} />
      <div className="lc-dialog-end">
        <Button variant="default" onClick={onClose}>
          {say('cancel')}
        </Button>
        <Button type="submit" color={isDangerous ? 'red' : 'brand'} disabled={!isReady} loading={isBusy}>
          {submit}
        </Button>
      </div>
    </form>
  );
}
