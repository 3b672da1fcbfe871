import { Textarea } from '@mantine/core';
import { Card } from '@/ui/parts';

/** The reason of a change. Left empty, the placeholder says what was done. */
export function SayWhy({
  placeholder,
  reason,
  onReason,
}: {
  placeholder: string;
  reason: string;
  onReason: (reason: string) => void;
}) {
  return (
    <Card title="Say why" meta="shown in Changes">
      <div className="b">
        <Textarea
          aria-label="Reason"
          placeholder={placeholder}
          rows={3}
          value={reason}
          onChange={(event) => onReason(event.currentTarget.value)}
        />
      </div>
    </Card>
  );
}
