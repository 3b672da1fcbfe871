import { Autocomplete, Checkbox, NumberInput, Select, TextInput } from '@mantine/core';
import { zodResolver } from '@hookform/resolvers/zod';
import { useQuery } from '@tanstack/react-query';
import {
  Controller,
  useForm,
  useWatch,
  type Control,
  type FieldErrors,
  type Resolver,
  type UseFormRegister,
} from 'react-hook-form';
import { useEffect } from 'react';
import { queries } from '@/api/queries';
import { Card, Facts } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { documentsOf, vmForm, type NewGroup, type VmForm } from './form';

/** Every field of both modes: what was typed stays while one switches between them. */
type Fields = Omit<NewGroup, 'mode'> & { mode: VmForm['mode']; group: string };

const EMPTY: Fields = {
  mode: 'new',
  group: '',
  namespace: 'default',
  name: '',
  serviceAccount: '',
  port: 8080,
  labels: '',
  probe: true,
  probePath: '/healthz',
  service: true,
  serviceName: '',
  ttl: '1h',
  uses: 1,
};

type FormControl = Control<Fields, unknown, VmForm>;

interface Props {
  namespace?: string;
  busy: boolean;
  error: unknown;
  onSubmit: (form: VmForm, namespaces: string[]) => void;
}

interface PartProps {
  register: UseFormRegister<Fields>;
  control: FormControl;
  errors: FieldErrors<Fields>;
}

function NewGroupFields({
  register,
  control,
  errors,
  namespaces,
  onName,
}: PartProps & { namespaces: string[]; onName: (name: string) => void }) {
  const [probe, service] = useWatch({ control, name: ['probe', 'service'] });
  return (
    <>
      <div className="fields">
        <Controller
          control={control}
          name="namespace"
          render={({ field }) => (
            <Autocomplete
              label="Namespace"
              description="An existing one, or a new name"
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              data={namespaces}
              error={errors.namespace?.message}
              {...field}
            />
          )}
        />
        <TextInput
          label="Name"
          placeholder="recommendations"
          error={errors.name?.message}
          {...register('name', { onChange: (event) => onName(event.target.value) })}
        />
        <TextInput
          label="Service account"
          description="Becomes part of the identity of these VMs"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          error={errors.serviceAccount?.message}
          {...register('serviceAccount')}
        />
        <Controller
          control={control}
          name="port"
          render={({ field }) => (
            <NumberInput
              label="Port"
              description="Where the program on the VM listens"
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              min={1}
              max={65535}
              allowDecimal={false}
              error={errors.port?.message}
              {...field}
            />
          )}
        />
        <TextInput
          className="both"
          label="Labels"
          placeholder="app=recommendations, version=v1"
          error={errors.labels?.message}
          {...register('labels')}
        />
      </div>
      <div className="fields">
        <Checkbox size="sm" label="Check its health over HTTP" {...register('probe')} />
        <TextInput
          label="Health check path"
          disabled={!probe}
          error={errors.probePath?.message}
          {...register('probePath')}
        />
        <Checkbox size="sm" label="Make a service for these VMs" {...register('service')} />
        <TextInput
          label="Service name"
          disabled={!service}
          error={errors.serviceName?.message}
          {...register('serviceName')}
        />
      </div>
    </>
  );
}

function TokenFields({ control, errors }: Omit<PartProps, 'register'>) {
  return (
    <div className="fields">
      <Controller
        control={control}
        name="ttl"
        render={({ field }) => (
          <Select
            label="Token works for"
            allowDeselect={false}
            data={[
              { value: '15m', label: '15 minutes' },
              { value: '1h', label: '1 hour' },
              { value: '24h', label: '1 day' },
            ]}
            {...field}
          />
        )}
      />
      <Controller
        control={control}
        name="uses"
        render={({ field }) => (
          <NumberInput
            label="For how many VMs"
            min={1}
            max={100}
            allowDecimal={false}
            error={errors.uses?.message}
            {...field}
          />
        )}
      />
    </div>
  );
}

function WhatThisMakes({ control, namespaces }: { control: FormControl; namespaces: string[] }) {
  const fields = useWatch({ control }) as Fields;
  const documents = fields.mode === 'new' ? documentsOf({ ...fields, mode: 'new' }, namespaces) : [];
  return (
    <Card title="What this makes" meta="nothing is written before the next step">
      <div className="b">
        <Facts
          items={[
            ...documents.map(({ kind, metadata }): [string, string] => [
              kind,
              [metadata.namespace, metadata.name || '…'].filter(Boolean).join('/'),
            ]),
            [
              'Join token',
              `for ${fields.uses === 1 ? 'one VM' : `${fields.uses} VMs`}, works ${fields.ttl === '24h' ? '1 day' : fields.ttl === '1h' ? '1 hour' : '15 minutes'}`,
            ],
            ...(fields.mode === 'new'
              ? [
                  [
                    'Identity',
                    <code key="id">{`…/ns/${fields.namespace}/sa/${fields.serviceAccount || '…'}`}</code>,
                  ] as [string, React.ReactNode],
                ]
              : []),
          ]}
        />
      </div>
    </Card>
  );
}

/** The form, what follows what in it, and what exists already. */
function useVmForm({ namespace, onSubmit }: Pick<Props, 'namespace' | 'onSubmit'>) {
  const groups = useQuery(queries.documents('workloadgroups'));
  const services = useQuery(queries.documents('services'));
  const known = useQuery(queries.documents('namespaces'));
  const namespaces = (known.data ?? []).map((document) => document.metadata.name);
  const { register, control, handleSubmit, setValue, setError, getFieldState, formState } = useForm<
    Fields,
    unknown,
    VmForm
  >({
    // The form has the fields of both modes; the schema reads those of the chosen one.
    resolver: zodResolver(vmForm) as unknown as Resolver<Fields, unknown, VmForm>,
    defaultValues: { ...EMPTY, namespace: namespace ?? EMPTY.namespace },
  });
  const usual = namespaces.includes('default') ? undefined : namespaces[0];
  useEffect(() => {
    if (usual && !namespace && !getFieldState('namespace').isDirty) setValue('namespace', usual);
  }, [usual, namespace, getFieldState, setValue]);
  const { errors } = formState as { errors: FieldErrors<Fields> };

  /** Most people call everything by one name: what they have not written themselves follows it. */
  function follow(name: string) {
    const follows = { serviceAccount: name, serviceName: name, labels: name ? `app=${name}` : '' } as const;
    for (const [field, value] of Object.entries(follows) as [keyof typeof follows, string][]) {
      if (!getFieldState(field).isDirty) setValue(field, value, { shouldDirty: false });
    }
  }
  /** What exists is never overwritten from here: this page makes, it does not change. */
  function submit(form: VmForm) {
    if (form.mode === 'new') {
      const taken = (
        documents: { metadata: { namespace?: string | null; name: string } }[] | undefined,
        name: string,
      ) => documents?.some(({ metadata }) => metadata.namespace === form.namespace && metadata.name === name);
      if (taken(groups.data, form.name))
        return setError('name', { message: 'There is a group of this name. Pick it under Existing group' });
      if (form.service && taken(services.data, form.serviceName)) {
        return setError('serviceName', { message: 'There is a service of this name. Untick to leave it as it is' });
      }
    }
    onSubmit(form, namespaces);
  }
  const ids = (groups.data ?? []).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return { part: { register, control, errors }, groups: ids, namespaces, follow, setValue, send: handleSubmit(submit) };
}

function GroupSwitch({ mode, onMode }: { mode: VmForm['mode']; onMode: (mode: VmForm['mode']) => void }) {
  return (
    <div className="seg" role="group" aria-label="Group of VMs">
      <button type="button" aria-pressed={mode === 'new'} onClick={() => onMode('new')}>
        New group
      </button>
      <button type="button" aria-pressed={mode === 'existing'} onClick={() => onMode('existing')}>
        Existing group
      </button>
    </div>
  );
}

function ExistingGroupField({ control, errors, groups }: Omit<PartProps, 'register'> & { groups: string[] }) {
  return (
    <Controller
      control={control}
      name="group"
      render={({ field }) => (
        <Select
          label="Workload group"
          searchable
          nothingFoundMessage="No group yet: make a new one"
          data={groups}
          error={errors.group?.message}
          {...field}
        />
      )}
    />
  );
}

export function DescribeForm({ namespace, busy, error, onSubmit }: Props) {
  const { part, groups, namespaces, follow, setValue, send } = useVmForm({ namespace, onSubmit });
  const mode = useWatch({ control: part.control, name: 'mode' });
  return (
    <form className="flowform" aria-label="Describe the VM" noValidate onSubmit={(event) => void send(event)}>
      <div className="scroll pad">
        <div className="grid">
          <div className="stack">
            <Card
              title="What runs on the VM"
              aside={<GroupSwitch mode={mode} onMode={(next) => setValue('mode', next)} />}
            >
              <div className="b col" style={{ gap: 16 }}>
                {mode === 'new' ? (
                  <NewGroupFields {...part} namespaces={namespaces} onName={follow} />
                ) : (
                  <ExistingGroupField
                    {...part}
                    groups={groups.filter((id) => !namespace || id.startsWith(`${namespace}/`))}
                  />
                )}
              </div>
            </Card>
            <Card title="Join token" meta="shown once, on the next page">
              <div className="b">
                <TokenFields {...part} />
              </div>
            </Card>
            {error !== null && error !== undefined && <ProblemNote error={error} what="Nothing was made." />}
          </div>
          <WhatThisMakes control={part.control} namespaces={namespaces} />
        </div>
      </div>
      <div className="foot">
        <span className="two sm">The VM makes its own key; it never leaves the VM.</span>
        <span className="sp" />
        <button type="submit" className="btn p lg" disabled={busy}>
          Make the join command
        </button>
      </div>
    </form>
  );
}
