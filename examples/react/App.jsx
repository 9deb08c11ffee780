import { useEditors, useRecordLock, useSave, useSession, useWarning } from '@lastcall/client/react';
import { useEffect, useState } from 'react';

const NOTES = ['Monday', 'Tuesday'];
/** Longest wait for whoever edits the note, in milliseconds. */
const WAIT_MS = 300_000;

const STATUS = {
  asking: 'One moment …',
  held: 'You are editing',
  'at-risk': 'No connection: your right to edit may run out',
  lost: 'You can no longer edit this; your text can be copied',
};

export function App() {
  const { status, user, ended, connect } = useSession();
  const [note, setNote] = useState(NOTES[0]);
  if (ended) {
    return (
      <main>
        <h1>{ended.reason === 'user' ? 'You have signed out' : 'You have been logged off'}</h1>
        <p>{ended.message}</p>
        <p>
          <button type="button" onClick={connect}>
            Sign in again
          </button>
        </p>
      </main>
    );
  }
  return (
    <main>
      <h1>Notes {user && `of ${user.name}`}</h1>
      {status !== 'online' && <p className="quiet">Connecting …</p>}
      <Warning />
      <List current={note} choose={setNote} />
      <Note key={note} name={note} />
    </main>
  );
}

function Warning() {
  const warning = useWarning();
  if (!warning) return null;
  return (
    <p className="warning" role="alert">
      <span>
        {warning.message} {warning.secondsLeft} s left.
      </span>
      <button type="button" onClick={warning.saveAndEnd}>
        Save and sign out
      </button>
      {warning.reason === 'idle' && (
        <button type="button" onClick={warning.dismiss}>
          I am still here
        </button>
      )}
    </p>
  );
}

function List({ current, choose }) {
  const editors = useEditors('react/');
  return (
    <nav>
      {NOTES.map((name) => {
        const [editor] = editors.of(`react/${name}`);
        return (
          <button type="button" key={name} aria-current={name === current} onClick={() => choose(name)}>
            {name} {editor && `(${editor.user.name})`}
          </button>
        );
      })}
    </nav>
  );
}

function Note({ name }) {
  const resource = `react/${name}`;
  const read = () => localStorage.getItem(resource) ?? '';
  const { phase, holders, handle } = useRecordLock(resource, { waitMs: WAIT_MS });
  const [saved, setSaved] = useState(read);
  const [text, setText] = useState(read);
  const isHeld = phase === 'held';
  const isDirty = text !== saved;

  const load = () => {
    setSaved(read());
    setText(read());
  };

  // Whoever had the note before may have changed it.
  useEffect(() => {
    if (handle) load();
  }, [handle]);

  // Another window's save may be heard of after the lock.
  useEffect(() => {
    const hear = () => isDirty || load();
    addEventListener('storage', hear);
    return () => removeEventListener('storage', hear);
  }, [isDirty]);

  const { save, saving } = useSave(
    () => {
      if (!isHeld) throw new Error('The note is not locked here any more.');
      localStorage.setItem(resource, text);
      setSaved(text);
    },
    { isDirty, resource },
  );

  return (
    <>
      <p className="quiet">{STATUS[phase] ?? `${holders[0]?.user.name ?? 'Nobody'} is editing`}</p>
      <textarea
        aria-label="Note"
        readOnly={!isHeld}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <p>
        <button type="button" onClick={save} disabled={!isHeld || !isDirty || saving}>
          Save
        </button>
      </p>
    </>
  );
}
