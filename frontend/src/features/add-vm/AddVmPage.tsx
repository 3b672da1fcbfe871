import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { commands, queries } from '@/api/queries';
import type { JoinToken, NewJoinToken } from '@/api/types';
import { FlowHead } from '@/ui/flow';
import { Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { DescribeForm } from './DescribeForm';
import { documentsOf, groupOf, type VmForm } from './form';
import { JoinProgress } from './JoinProgress';
import './add-vm.css';

/** The command is shown once and only in this tab's memory: it must not land in the address or on disk. */
const madeKey = (id: string) => ['made-join-token', id];

function useMake() {
  const queryClient = useQueryClient();
  const navigate = useNavigate({ from: '/add-vm' });
  return useMutation({
    mutationFn: async ({ form, namespaces }: { form: VmForm; namespaces: string[] }) => {
      if (form.mode === 'new') {
        await commands.apply(documentsOf(form, namespaces), {
          dryRun: false,
          reason: `Add VM group ${form.namespace}/${form.name}`,
        });
      }
      return commands.createJoinToken({ ...groupOf(form), ttl: form.ttl, uses: form.uses });
    },
    onSuccess: (made) => {
      queryClient.setQueryDefaults(madeKey(made.id), { gcTime: Infinity });
      queryClient.setQueryData(madeKey(made.id), made);
      void queryClient.invalidateQueries({ queryKey: ['documents'] });
      void navigate({ search: (previous) => ({ ...previous, token: made.id }) });
    },
  });
}

function isDone(token: JoinToken | undefined): boolean {
  return (
    token !== undefined &&
    token.redemptions.length > 0 &&
    token.redemptions.every((redemption) => redemption.firstRequestAt !== null)
  );
}

function CancelToken({ token }: { token: JoinToken }) {
  const queryClient = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => commands.revokeJoinToken(token.id),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['join-token', token.id] }),
  });
  if (token.state !== 'active') return null;
  return (
    <button type="button" className="btn d" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
      {cancel.isError ? 'Not cancelled. Try again' : 'Cancel this token'}
    </button>
  );
}

export function AddVmPage() {
  const { token: id, ns } = useSearch({ from: '/console/add-vm' });
  const make = useMake();
  const queryClient = useQueryClient();
  const token = useQuery({ ...queries.joinToken(id ?? ''), enabled: id !== undefined });
  const at = id === undefined ? 0 : isDone(token.data) ? 2 : 1;
  return (
    <div className="page">
      <FlowHead
        crumbs={<Link to="/proxies">Proxies</Link>}
        title="Add a VM"
        steps={['Describe', 'Run one command', 'Done']}
        at={at}
        actions={
          id !== undefined && (
            <>
              <Link className="btn" to="/add-vm" search={{}}>
                <Plus className="i s" aria-hidden /> Add another
              </Link>
              {token.data && <CancelToken token={token.data} />}
            </>
          )
        }
      />
      {id === undefined && (
        <DescribeForm
          namespace={ns}
          busy={make.isPending}
          error={make.error}
          onSubmit={(form, namespaces) => make.mutate({ form, namespaces })}
        />
      )}
      {id !== undefined && token.isPending && <Loading what="the token" />}
      {token.error && (
        <div className="pad">
          <ProblemNote error={token.error} what="This token could not be read." onRetry={() => void token.refetch()} />
        </div>
      )}
      {id !== undefined && token.data && (
        <JoinProgress token={token.data} made={queryClient.getQueryData<NewJoinToken>(madeKey(id))} />
      )}
    </div>
  );
}
