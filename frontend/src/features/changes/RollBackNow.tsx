import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Undo2 } from 'lucide-react';
import { commands } from '@/api/queries';
import { ProblemNote } from '@/ui/problem';

/** Takes a revision back at once: what it does was reviewed when the revision was made. */
export function RollBackNow({ revision, onDone }: { revision: number; onDone: (made: number) => void }) {
  const queryClient = useQueryClient();
  const undo = useMutation({
    mutationFn: () => commands.rollBack(revision, false),
    onSuccess: (result) => {
      void queryClient.invalidateQueries({ queryKey: ['documents'] });
      if (result.revision !== null) onDone(result.revision);
    },
  });
  return (
    <>
      {undo.error && <ProblemNote error={undo.error} what="Not rolled back." />}
      <button type="button" className="btn d" disabled={undo.isPending} onClick={() => undo.mutate()}>
        <Undo2 className="i s" aria-hidden /> Roll back now
      </button>
    </>
  );
}
