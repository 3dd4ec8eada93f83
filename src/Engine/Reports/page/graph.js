'use strict';

// The model's graph as the program numbers it: sources u (input, then per layer its heads and its MLP), columns v (per layer q, k and v of all
// heads, then the MLP's input; last logits), and an edge for every u that is written before v is read. Edges ascend by u, then by v.
class Graph {
  constructor({ layers, heads, parallel }) {
    Object.assign(this, { layers, heads, parallel, nodesOfLayer: heads + 1, columnsOfLayer: 3 * heads + 1 });
    this.sources = 1 + layers * this.nodesOfLayer;
    this.columns = layers * this.columnsOfLayer + 1;
    this.logits = this.sources;
    const from = [], column = [];
    for (let u = 0; u < this.sources; u++) {
      for (let v = this.firstColumnAfter(u); v < this.columns; v++) { from.push(u); column.push(v); }
    }
    this.from = Int32Array.from(from);
    this.column = Int32Array.from(column);
    this.to = Int32Array.from(column, v => this.nodeOfColumn(v));
    this.edges = from.length;
  }

  place(node) {
    if (node === 0) return { kind: 'input', layer: -1, head: -1 };
    if (node === this.logits) return { kind: 'logits', layer: this.layers, head: -1 };
    const layer = Math.floor((node - 1) / this.nodesOfLayer), rest = (node - 1) % this.nodesOfLayer;
    return rest === this.heads ? { kind: 'mlp', layer, head: -1 } : { kind: 'head', layer, head: rest };
  }

  firstColumnAfter(source) {
    const { kind, layer } = this.place(source);
    if (kind === 'input') return 0;
    return kind === 'head' && !this.parallel ? layer * this.columnsOfLayer + 3 * this.heads : (layer + 1) * this.columnsOfLayer;
  }

  nodeOfColumn(v) {
    if (v === this.columns - 1) return this.logits;
    const layer = Math.floor(v / this.columnsOfLayer), rest = v % this.columnsOfLayer;
    return 1 + layer * this.nodesOfLayer + (rest === 3 * this.heads ? this.heads : rest % this.heads);
  }

  nodeName(node) {
    const { kind, layer, head } = this.place(node);
    return kind === 'head' ? `a${layer}.h${head}` : kind === 'mlp' ? `m${layer}` : kind;
  }

  edgeName(e) {
    const v = this.column[e], rest = v % this.columnsOfLayer;
    const isHead = v < this.columns - 1 && rest < 3 * this.heads;
    return `${this.nodeName(this.from[e])}->${this.nodeName(this.to[e])}${isHead ? `<${'qkv'[Math.floor(rest / this.heads)]}>` : ''}`;
  }
}

// What edges are ranked by: score, or its size.
const keyOf = run => run.signed ? e => run.scores[e] : e => Math.abs(run.scores[e]);

// The edges that are selected from, in the order in which they are, the best first; the circuit of n edges is the first n, pruned. Ties: the lower index.
function topOrder(graph, key, certain) {
  return Int32Array.from({ length: graph.edges }, (_, e) => e).filter(e => !certain || certain[e]).sort((a, b) => key(b) - key(a) || a - b);
}

// Grown from logits: always the best edge into a node that is inside; its source brings its own in-edges.
function greedyOrder(graph, key) {
  const into = Array.from({ length: graph.sources + 1 }, () => []);
  for (let e = 0; e < graph.edges; e++) into[graph.to[e]].push(e);
  const before = (a, b) => key(a) > key(b) || (key(a) === key(b) && a < b);
  const heap = [], inside = new Uint8Array(graph.sources + 1), order = [];
  const push = e => {
    let i = heap.push(e) - 1;
    for (let up; i > 0 && before(e, heap[up = (i - 1) >> 1]); i = up) { heap[i] = heap[up]; heap[up] = e; }
  };
  const pop = () => {
    const best = heap[0], last = heap.pop();
    for (let i = 0; heap.length > 0;) {
      heap[i] = last;
      let down = 2 * i + 1;
      if (down + 1 < heap.length && before(heap[down + 1], heap[down])) down++;
      if (down >= heap.length || !before(heap[down], last)) break;
      heap[i] = heap[down];
      i = down;
    }
    return best;
  };
  const enter = node => { inside[node] = 1; into[node].forEach(push); };
  enter(graph.logits);
  while (heap.length > 0) {
    const e = pop();
    order.push(e);
    if (!inside[graph.from[e]]) enter(graph.from[e]);
  }
  return Int32Array.from(order);
}

// The edges that carry something from input to logits: a node stays that has an edge in and one out. Node numbers are a topological order.
function prune(graph, chosen) {
  const edges = Int32Array.from(chosen).sort();
  const fed = new Uint8Array(graph.sources + 1), alive = new Uint8Array(graph.sources + 1);
  fed[0] = 1;
  alive[graph.logits] = 1;
  for (const e of edges) if (fed[graph.from[e]]) fed[graph.to[e]] = 1;
  for (let i = edges.length - 1; i >= 0; i--) if (fed[graph.from[edges[i]]] && alive[graph.to[edges[i]]]) alive[graph.from[edges[i]]] = 1;
  return edges.filter(e => alive[graph.from[e]] && alive[graph.to[e]]);
}

// A share of the edges that hinder, the smallest scores first, and for the rest those that help; where there are too few of one kind the other fills up.
function ratioEdges({ graph, scores, negative, rising }, n) {
  const below = rising.findIndex(e => scores[e] >= 0), hinder = below < 0 ? graph.edges : below;
  const hindering = Math.min(Math.max(Math.trunc(n * negative), n - (graph.edges - hinder), 0), n, hinder);
  const helping = rising.subarray(hinder).slice().sort((a, b) => scores[b] - scores[a] || a - b);
  return [...rising.subarray(0, hindering), ...helping.subarray(0, n - hindering)];
}

// The circuit of n edges of a run; the order is found once.
function circuitOf(run, n) {
  if (!run.scores) return run.selected ? run.selectedEdges : new Int32Array(0);
  if (run.select === 'ratio') {
    run.rising ??= topOrder(run.graph, e => -run.scores[e]);
    return prune(run.graph, ratioEdges(run, n));
  }
  run.order ??= (run.select === 'greedy' ? greedyOrder : topOrder)(run.graph, keyOf(run), run.certain);
  return prune(run.graph, run.order.subarray(0, n));
}

function doubles(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}
