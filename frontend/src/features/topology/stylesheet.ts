import type { StylesheetJson } from 'cytoscape';
import type { Colours } from './palette';

function edgeTone(name: string, line: string, text: string, soft: string, border: string): StylesheetJson[number] {
  return {
    selector: `edge[tone = "${name}"]`,
    style: {
      'line-color': line,
      'target-arrow-color': line,
      color: text,
      'font-weight': 600,
      'text-background-color': soft,
      'text-border-color': border,
      'z-index': 10,
    },
  };
}

function nodes(c: Colours): StylesheetJson {
  return [
    {
      selector: 'node[kind = "service"]',
      style: {
        shape: 'round-rectangle',
        'corner-radius': '8',
        width: 'data(width)',
        height: 'data(height)',
        'background-color': c.surface,
        'border-width': 1,
        'border-color': c['line-3'],
        label: 'data(name)',
        color: c.ink,
        'font-family': c.font,
        'font-size': 13,
        'font-weight': 600,
        'text-valign': 'center',
        'text-halign': 'center',
        'text-margin-y': -9,
        'min-zoomed-font-size': 5,
        'overlay-opacity': 0,
      },
    },
    { selector: 'node[shape = "unknown"]', style: { 'corner-radius': '23', 'background-color': c.sunken } },
    { selector: 'node[shape = "noproxy"]', style: { 'border-style': 'dashed', 'background-color': c.group } },
    { selector: 'node[tone = "bad"]', style: { 'border-color': c['bad-mark'] } },
    { selector: 'node[tone = "warn"]', style: { 'border-color': c['warn-mark'] } },
    {
      selector: 'node[kind = "group"]',
      style: {
        shape: 'round-rectangle',
        'corner-radius': '10',
        'background-color': c.group,
        'background-opacity': 1,
        'border-width': 1,
        'border-color': c['line-2'],
        padding: '26px',
        label: 'data(name)',
        color: c['ink-2'],
        'font-family': c.font,
        'font-size': 12,
        'text-valign': 'top',
        'text-halign': 'center',
        'text-margin-y': 20,
        'min-zoomed-font-size': 5,
        'overlay-opacity': 0,
        events: 'no',
      },
    },
  ];
}

function edges(c: Colours): StylesheetJson {
  return [
    {
      selector: 'edge',
      style: {
        width: 'data(width)',
        'line-color': c.edge,
        'target-arrow-color': c['edge-strong'],
        'target-arrow-shape': 'triangle',
        'arrow-scale': 0.8,
        'curve-style': 'bezier',
        label: 'data(label)',
        'font-family': c.font,
        'font-size': 11,
        color: c['ink-2'],
        'text-background-color': c.canvas,
        'text-background-opacity': 1,
        'text-background-shape': 'roundrectangle',
        'text-background-padding': '4px',
        'text-border-width': 1,
        'text-border-color': c.line,
        'text-border-opacity': 1,
        'min-zoomed-font-size': 6.6,
        'overlay-opacity': 0,
      },
    },
    {
      selector: 'edge[cpd]',
      style: {
        'curve-style': 'unbundled-bezier',
        'edge-distances': 'endpoints',
        'source-endpoint': '50% 0%',
        'target-endpoint': '-50% 0%',
        'control-point-distances': (edge: cytoscape.EdgeSingular) => edge.data('cpd') as string,
        'control-point-weights': (edge: cytoscape.EdgeSingular) => edge.data('cpw') as string,
      } as StylesheetJson[number] extends { style: infer S } ? S : never,
    },
    edgeTone('warn', c['warn-mark'], c.warn, c['warn-soft'], c['warn-line']),
    edgeTone('bad', c['bad-mark'], c.bad, c['bad-soft'], c['bad-line']),
    edgeTone('deny', c.deny, c.deny, c['deny-soft'], c['deny-line']),
    { selector: 'edge[tone = "deny"]', style: { 'line-style': 'dashed', 'line-dash-pattern': [5, 5], width: 1.6 } },
    { selector: 'edge[tone = "idle"]', style: { 'line-style': 'dotted' } },
  ];
}

/** The graph's look, made from the tokens; made again when the theme changes. */
export function stylesheet(c: Colours): StylesheetJson {
  return [
    ...nodes(c),
    ...edges(c),
    { selector: '.dim', style: { opacity: 0.25 } },
    {
      selector: 'node[kind = "service"].chosen',
      style: {
        'border-color': c.accent,
        'border-width': 2,
        'outline-width': 3,
        'outline-color': c.accent,
        'outline-opacity': 0.3,
        'outline-offset': 1,
      },
    },
    {
      selector: 'edge.chosen',
      style: { 'underlay-color': c.accent, 'underlay-opacity': 0.16, 'underlay-padding': 6, 'z-index': 20 },
    },
  ];
}
