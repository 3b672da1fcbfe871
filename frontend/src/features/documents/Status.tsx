import { Link } from '@tanstack/react-router';
import type {
  AnyDocument,
  Condition,
  GatewayListener,
  LimitedRequests,
  PolicyEnforcement,
  RouteParent,
} from '@/api/types';
import { figure, plural, shortName, span } from '@/ui/format';
import { Ago, Card, Facts } from '@/ui/parts';
import { State } from '@/ui/state';
import { DocumentLink } from './DocumentLink';
import { conditionWords, isOpen } from './model';

function ConditionRow({ condition, generation }: { condition: Condition; generation: number }) {
  const { tone, word } = conditionWords(condition);
  return (
    <div className="chk two-col">
      <State tone={tone}>{word}</State>
      <span className="sm dim">
        <Ago at={condition.lastTransitionTime} />
      </span>
      <span className="sm two span">
        <code>{condition.type}</code>
        {condition.reason !== condition.type && <> · {condition.reason}</>}
        {condition.message && <span className="wordy"> · {condition.message}</span>}
        {condition.observedGeneration < generation && (
          <span className="dim"> · of an older version of this document</span>
        )}
      </span>
    </div>
  );
}

/** What the control plane says about the document, what is wrong first. */
export function ConditionsCard({ document }: { document: AnyDocument }) {
  const conditions = [...document.status.conditions].sort((a, b) => Number(isOpen(b)) - Number(isOpen(a)));
  return (
    <Card title="State">
      <div className="b">
        {conditions.length === 0 && <p className="two">Nothing has been said about this document yet.</p>}
        {conditions.map((condition) => (
          <ConditionRow key={condition.type} condition={condition} generation={document.metadata.generation} />
        ))}
      </div>
    </Card>
  );
}

const SERVICES_UP_TO = 8;

/** Before what a policy stands now, and whom it denied. */
export function EnforcementCard({ enforcement }: { enforcement: PolicyEnforcement }) {
  const { workloads, services, ports, denied, wouldDeny } = enforcement;
  const more = services.length - SERVICES_UP_TO;
  const names = services.slice(0, SERVICES_UP_TO).map(shortName).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return (
    <Card title="Stands before" meta={`denials of the last ${span(Number.parseInt(enforcement.window, 10) * 1000)}`}>
      <div className="b">
        <Facts
          items={[
            [
              'Services',
              workloads ? (
                `${names} · ${plural(workloads, 'workload')}`
              ) : (
                <State key="none" tone="warn">
                  No workload
                </State>
              ),
            ],
            ['Ports', ports.join(', ') || 'none'],
            ['Denied', denied ? <State tone="deny">{plural(denied, 'call')}</State> : 'nobody'],
            ['Would deny', wouldDeny ? `${plural(wouldDeny, 'call')}, let through by the trial run` : 'nobody'],
            [
              'Callers',
              <Link key="access" to="/access" search={{ tab: 'policies' }}>
                Show in Access
              </Link>,
            ],
          ]}
        />
      </div>
    </Card>
  );
}

/** One line when all is well; else every condition that is not. */
function PartState({ conditions }: { conditions: Condition[] }) {
  const open = conditions.filter(isOpen);
  if (open.length === 0) return <State tone="ok">Live</State>;
  return (
    <div className="col" style={{ gap: 4 }}>
      {open.map((condition) => {
        const { tone, word } = conditionWords(condition);
        return (
          <div key={condition.type}>
            <State tone={tone}>{word}</State>
            <div className="sm two">
              {condition.reason}
              {condition.message && `: ${condition.message}`}
            </div>
          </div>
        );
      })}
    </div>
  );
}

/** What a RateLimit did lately; what nobody counted is the exception. */
export function RequestsCard({ requests }: { requests: LimitedRequests }) {
  const { limited, shadowed, unanswered } = requests;
  return (
    <Card title="Requests" meta={`last ${span(Number.parseInt(requests.window, 10) * 1000)}`}>
      <div className="b">
        <Facts
          items={[
            ['Refused', figure(limited)],
            ['Would have been', shadowed ? `${figure(shadowed)}, let through by shadow` : figure(shadowed)],
            [
              'Not counted',
              unanswered ? (
                <State tone="warn">{figure(unanswered)}, nobody answered in time</State>
              ) : (
                figure(unanswered)
              ),
            ],
          ]}
        />
      </div>
    </Card>
  );
}

function parentTitle({ parentRef }: RouteParent): string {
  const kind =
    parentRef.kind === 'Gateway' && parentRef.group === 'networking.istio.io' ? 'IstioGateway' : parentRef.kind;
  return `${kind ?? 'Gateway'} ${parentRef.namespace ? `${parentRef.namespace}/` : ''}${parentRef.name}`;
}

function parentPart({ parentRef }: RouteParent): string {
  const parts = [parentRef.sectionName, parentRef.port ? `port ${parentRef.port}` : ''];
  return parts.filter(Boolean).join(', ');
}

export function ParentsCard({ parents }: { parents: RouteParent[] }) {
  return (
    <Card title="Parents" meta="what this route is for">
      <table className="t" aria-label="Parents">
        <thead>
          <tr>
            <th scope="col">Parent</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {parents.map((parent, index) => (
            <tr key={index}>
              <td className="wrapcell">
                <DocumentLink document={parentTitle(parent)} />
                {parentPart(parent) && <div className="sm dim">{parentPart(parent)}</div>}
              </td>
              <td className="wrapcell">
                <PartState conditions={parent.conditions} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

export function ListenersCard({ listeners }: { listeners: GatewayListener[] }) {
  const routes = listeners.reduce((sum, listener) => sum + listener.attachedRoutes, 0);
  return (
    <Card title="Listeners" meta={`${plural(routes, 'route')} attached`}>
      <table className="t" aria-label="Listeners">
        <thead>
          <tr>
            <th scope="col">Listener</th>
            <th scope="col" className="r">
              Routes
            </th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {listeners.map((listener) => (
            <tr key={listener.name}>
              <td className="wrapcell">
                <b className="b5">{listener.name}</b>
                <div className="sm dim">{listener.supportedKinds.map(({ kind }) => kind).join(', ')}</div>
              </td>
              <td className="r">{listener.attachedRoutes}</td>
              <td className="wrapcell">
                <PartState conditions={listener.conditions} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
