import { POLICY_PRESETS, type PolicySettings, PRESET_NAMES, presetOf } from '@lastcall/shared';
import { Alert, Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { Icon } from '../../parts/icon.js';
import { Card, Page } from '../../parts/page.js';
import { Difference } from './difference.js';
import { type Draft, merged, useDraft } from './draft.js';
import { Field } from './field.js';
import { History } from './history.js';
import { changedIn, faultsIn, GROUPS, type SettingName, settingsOf } from './settings.js';
import { policyText } from './text/index.js';

interface PresetsProps {
  readonly settings: PolicySettings;
  readonly onChoose: (settings: PolicySettings) => void;
}

function Presets({ settings, onChoose }: PresetsProps) {
  const say = useText(policyText);
  const chosen = presetOf(settings);
  return (
    <div className="lc-presets" role="group" aria-label={say('presets')}>
      {PRESET_NAMES.map((name) => (
        <button
          key={name}
          type="button"
          className="lc-preset"
          aria-pressed={chosen === name}
          onClick={() => onChoose(POLICY_PRESETS[name].settings)}
        >
          <b>{say(`preset.${name}`)}</b>
          <span>{say(`preset.${name}.for`)}</span>
        </button>
      ))}
    </div>
  );
}

interface SaveDialogProps {
  readonly draft: Draft;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

/** Shows what changes before it does. */
function SaveDialog({ draft, onSaved, onClose }: SaveDialogProps) {
  const say = useText(policyText);
  const { api } = useConsole();
  const save = async (): Promise<void> => {
    await api.setPolicy(draft.base.version, draft.settings);
    notifications.show({ message: say('saved') });
    onSaved();
  };
  return (
    <Dialog title={say('saveTitle')} size="xl" onClose={onClose}>
      <DialogForm isReady submit={say('saveDo')} act={save} onClose={onClose}>
        <p className="lc-soft">{say('saveHelp')}</p>
        <Difference from={settingsOf(draft.base)} to={draft.settings} />
      </DialogForm>
    </Dialog>
  );
}

/** Somebody else saved meanwhile: what they changed, and a way to go on with both. */
function Newer({ draft, newer, onMerge }: { draft: Draft; newer: Draft['base']; onMerge: () => void }) {
  const say = useText(policyText);
  return (
    <Alert color="orange" variant="outline" role="alert" icon={<Icon name="warning" />} title={say('newer')}>
      <Difference from={settingsOf(draft.base)} to={settingsOf(newer)} />
      <Button size="xs" variant="default" mt="sm" onClick={onMerge}>
        {say('merge')}
      </Button>
    </Alert>
  );
}

interface GroupsProps {
  readonly settings: PolicySettings;
  readonly onChange: (settings: PolicySettings) => void;
}

function Groups({ settings, onChange }: GroupsProps) {
  const say = useText(policyText);
  const faults = faultsIn(settings);
  const set = (name: SettingName, value: number | string): void => onChange({ ...settings, [name]: value });
  return (
    <div className="lc-columns">
      {GROUPS.map(({ id, names }) => (
        <Card key={id} title={say(`group.${id}`)}>
          <div className="lc-settings">
            {names.map((name) => (
              <Field
                key={name}
                name={name}
                settings={settings}
                fault={faults.find((fault) => fault.name === name)}
                onChange={set}
              />
            ))}
          </div>
        </Card>
      ))}
    </div>
  );
}

interface ActionsProps {
  readonly canSave: boolean;
  readonly onSave: () => void;
  readonly onDiscard: () => void;
}

function Actions({ canSave, onSave, onDiscard }: ActionsProps) {
  const say = useText(policyText);
  return (
    <>
      <Button size="sm" variant="default" onClick={onDiscard}>
        {say('discard')}
      </Button>
      <Button size="sm" disabled={!canSave} onClick={onSave}>
        {say('save')}
      </Button>
    </>
  );
}

/** The tenant's settings: explained, changed with a look at the difference, and their history. */
export function PolicyPage() {
  const say = useText(policyText);
  const term = useText(termsText);
  const { draft, hasChanges, newer, change } = useDraft();
  const [isSaving, setSaving] = useState(false);
  if (!draft) return <Page title={say('title')}>{term('loading')}</Page>;
  const { base, settings } = draft;
  const to = (next: PolicySettings): void => change({ base, settings: next });
  const discard = (): void => change(undefined);
  const count = changedIn(settingsOf(base), settings).length;
  const aside = (
    <span>{hasChanges ? say('changes', { count }) : say('version', { version: base.version })}</span>
  );
  const canSave = newer === undefined && faultsIn(settings).length === 0;
  const actions = hasChanges && (
    <Actions canSave={canSave} onSave={() => setSaving(true)} onDiscard={discard} />
  );
  return (
    <Page title={say('title')} aside={aside} actions={actions} className="lc-policy">
      {newer && <Newer draft={draft} newer={newer} onMerge={() => change(merged(draft, newer))} />}
      <Presets settings={settings} onChoose={to} />
      <Groups settings={settings} onChange={to} />
      <History settings={settings} onRevert={to} />
      {isSaving && <SaveDialog draft={draft} onSaved={discard} onClose={() => setSaving(false)} />}
    </Page>
  );
}
