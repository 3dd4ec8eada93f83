'use strict';

const at = id => document.getElementById(id);
const data = JSON.parse(at('data').textContent);
const graphs = new Map(), severalModels = new Set(data.runs.map(r => r.model)).size > 1;
// Scores of many runs are long; they are unpacked when they are looked at.
const lazily = (run, name) => {
  const text = run[name];
  if (text) Object.defineProperty(run, name, { configurable: true, get() { Object.defineProperty(run, name, { value: doubles(text) }); return run[name]; } });
};
for (const run of data.runs) {
  const seeds = data.runs.some(r => r.model === run.model && r.task === run.task && r.method === run.method && r.seed !== run.seed);
  run.panel = severalModels ? [run.model, run.task].filter(t => t !== '').join(' · ') : run.task;
  run.label = `${run.panel} · ${run.method}${seeds ? ` · seed ${run.seed}` : ''}`;
  if (!run.graph) continue;
  const key = JSON.stringify(run.graph);
  if (!graphs.has(key)) graphs.set(key, new Graph(run.graph));
  run.graph = graphs.get(key);
  lazily(run, 'scores');
  lazily(run, 'errors');
  for (const f of run.frequencies ?? []) f.percent = Uint8Array.from(atob(f.percent), c => c.charCodeAt(0));
  if (run.certain) run.certain = Uint8Array.from(atob(run.certain), c => c.charCodeAt(0));
  if (run.selected) {
    const members = atob(run.selected);
    run.selectedEdges = Int32Array.from({ length: run.graph.edges }, (_, e) => e).filter(e => members.charCodeAt(e) === 1);
  }
}
const methods = [...new Set(data.runs.map(r => r.method))], tasks = [...new Set(data.runs.map(r => r.panel))];
const state = { run: data.runs[0], sizes: [], held: null, asGiven: false };
// The circuit that is shown: the one of the file until the slider is moved, then the one of the size.
const circuitNow = () => !state.run.graph ? null : state.asGiven ? state.run.selectedEdges : circuitOf(state.run, size());
const size = () => state.sizes[+at('size').value] ?? 0;

// ---- what is chosen ----

// Sizes that the slider stops at: evenly over the logarithm, and all that were measured.
function sizesOf(run) {
  const most = run.scores ? run.graph.edges : Math.max(0, ...run.curve.map(p => p.selected));
  if (most < 1) return [];
  const steps = Array.from({ length: 401 }, (_, i) => Math.round(Math.exp(i / 400 * Math.log(most))));
  return [...new Set([...steps, ...run.curve.map(p => p.selected).filter(n => n > 0)])].sort((a, b) => a - b);
}

// The smallest circuit that keeps most of the behaviour; where none does, the one that keeps most.
function usualSize(run) {
  const points = run.curve.filter(p => p.f !== null && p.selected > 0).sort((a, b) => a.selected - b.selected);
  if (points.length === 0) return Math.min(200, state.sizes.at(-1) ?? 0);
  return (points.find(p => p.f >= 0.85) ?? points.reduce((best, p) => p.f > best.f ? p : best)).selected;
}

function choose(run, keepSize = true) {
  const before = size();
  state.run = run;
  state.sizes = sizesOf(run);
  state.held = null;
  state.asGiven = run.selected !== undefined && (run.selectedEdges.length > 0 || !run.scores);
  at('filter').value = '';
  at('run').value = String(data.runs.indexOf(run));
  at('size').max = String(Math.max(state.sizes.length - 1, 0));
  const wanted = state.asGiven ? run.selectedEdges.length : keepSize && before > 0 ? before : usualSize(run);
  const place = state.sizes.findIndex(n => n >= wanted);
  at('size').value = String(place < 0 ? state.sizes.length - 1 : place);
  show();
}

function hold(node) {
  state.held = state.held === node ? null : node;
  at('filter').value = state.held === null ? '' : state.run.graph.nodeName(state.held);
  show();
  document.querySelector(`#heat [data-node="${state.run.graph.nodeName(node)}"]`)?.focus({ preventScroll: true });
}

// ---- what is shown ----

const edgeTable = new SortedTable(at('edges'), at('more-edges'), edgeColumns, 2, true);
const exampleTable = new SortedTable(at('examples'), at('more-examples'), exampleColumns, 0, false);
const panels = tasks.map(title => curvePanel(title, data.runs.filter(r => r.panel === title), methods, run => choose(run))).filter(p => p !== null);

function show() {
  const { run, held } = state, n = size(), circuit = circuitNow();
  const f = valueAt(run.curve, n), point = nearest(run.curve, n);
  at('shown').textContent = state.asGiven ? `${circuit.length.toLocaleString('en')} edges, as selected in the file` : state.sizes.length === 0 ? '' : `${n.toLocaleString('en')}${circuit ? `, ${circuit.length.toLocaleString('en')} after pruning` : ''}${f === null ? '' : `, faithfulness ${share(f)}`}`;
  at('size').setAttribute('aria-valuetext', at('shown').textContent);
  at('doubts').replaceChildren(...run.doubts.map(d => make('li', {}, d)));
  for (const panel of panels) panel.show(run, n);
  for (const id of ['circuit-part', 'heat-part', 'edges-part']) at(id).hidden = circuit === null;
  if (circuit) showCircuit(run, circuit, held);
  showMethods(n);
  showExamples(run, point);
  showTasks(run, n);
}

function showCircuit(run, circuit, held) {
  const graph = run.graph;
  at('circuit-note').textContent = `${run.label}: ${circuit.length.toLocaleString('en')} of ${graph.edges.toLocaleString('en')} edges. Solid edges help, dashed ones hurt; thicker ones have larger scores. Choose a node to see its edges alone.`;
  at('circuit').replaceChildren(drawCircuit(graph, run.scores, circuit, held, hold));
  const values = new Float64Array(graph.sources);
  for (const e of circuit) values[graph.from[e]] += run.scores ? Math.abs(run.scores[e]) : 1;
  fillHeat(at('heat'), graph, values, held, hold);
  showEdges(run, circuit);
}

function showEdges(run, circuit) {
  const { graph } = run, inside = new Uint8Array(graph.edges);
  for (const e of circuit) inside[e] = 1;
  graph.names ??= Array.from({ length: graph.edges }, (_, e) => graph.edgeName(e));
  const wanted = at('filter').value.trim().toLowerCase(), only = at('inside').checked;
  // The name of a node means its edges; other text any name that has it.
  const isNode = wanted !== '' && (/^(a\d+\.h\d+|m\d+|input|logits)$/.test(wanted));
  const matches = name => wanted === '' || (isNode ? name.startsWith(`${wanted}->`) || name.endsWith(`->${wanted}`) || name.includes(`->${wanted}<`) : name.includes(wanted));
  const rows = [], often = run.frequencies ? nearest(run.frequencies, state.asGiven ? circuit.length : size()) : null;
  for (let e = 0; e < graph.edges; e++) {
    if ((only && !inside[e]) || !matches(graph.names[e])) continue;
    rows.push({ name: graph.names[e], score: run.scores ? run.scores[e] : null, error: run.errors ? run.errors[e] : null, inside: inside[e] === 1, often: often ? often.percent[e] : null });
  }
  at('edge-count').textContent = `${rows.length.toLocaleString('en')} edges${often ? `; in resamples: the share of resamples of the examples that select the edge among ${often.selected.toLocaleString('en')}` : ''}`;
  edgeTable.columns = often ? edgeColumns : edgeColumns.slice(0, -1);
  if (edgeTable.sortedBy >= edgeTable.columns.length) edgeTable.sortedBy = 2;
  edgeTable.set(rows);
}

function showMethods(n) {
  const mean = values => values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
  const of = (method, task) => data.runs.filter(r => r.method === method && r.panel === task);
  const rows = methods.map(method => {
    const values = tasks.map(task => mean(of(method, task).map(r => nearest(r.curve, n)?.f ?? null).filter(v => v !== null)));
    const seconds = mean(data.runs.filter(r => r.method === method && Number.isFinite(r.seconds)).map(r => r.seconds));
    return make('tr', {}, make('th', { scope: 'row' }, method), ...values.map(v => cell(share(v))), cell(share(mean(values.filter(v => v !== null)))), cell(short(seconds)));
  });
  at('methods').replaceChildren(make('thead', {}, make('tr', {}, make('th', {}, 'method'), ...tasks.map(t => make('th', { class: 'number', scope: 'col' }, t)), make('th', { class: 'number', scope: 'col' }, 'mean'), make('th', { class: 'number', scope: 'col' }, 'seconds'))), make('tbody', {}, ...rows));
}

function showExamples(run, point) {
  const has = point !== null && point.examples.length > 0 && run.clean.length === point.examples.length;
  at('examples-part').hidden = !has;
  if (!has) return;
  at('examples-note').textContent = `At ${point.selected.toLocaleString('en')} edges, the nearest size that was measured: what the circuit keeps of what separates the clean from the corrupted metric, example by example.`;
  exampleTable.set(point.examples.map((circuit, i) => {
    const [clean, corrupted] = [run.clean[i], run.corrupted[i]];
    return { number: i + 1, clean, corrupted, circuit, kept: clean === corrupted || circuit === null ? null : (circuit - corrupted) / (clean - corrupted), prompt: run.prompts[i] };
  }));
}

function showTasks(run, n) {
  const tables = data.matrices.filter(m => m.model === run.model).map(m => taskTable(m.title, m.tasks, m.values));
  const peers = data.runs.filter(r => r.model === run.model && r.method === run.method && r.seed === run.seed && r.scores).slice(0, 12);
  if (run.scores && peers.length > 1) {
    const sets = peers.map(r => new Set(circuitOf(r, n)));
    const overlap = (a, b) => { const shared = [...a].filter(e => b.has(e)).length, all = a.size + b.size - shared; return all === 0 ? null : shared / all; };
    tables.push(taskTable(`Jaccard overlap of the edges of the circuits of ${n.toLocaleString('en')} edges, ${run.method}`, peers.map(r => r.task), sets.map(a => sets.map(b => overlap(a, b)))));
  }
  at('tasks-part').hidden = tables.length === 0;
  at('tasks').replaceChildren(...tables);
}

// ---- once ----

at('run').append(...data.runs.map((r, i) => make('option', { value: i }, r.label)));
at('run').addEventListener('change', () => choose(data.runs[+at('run').value]));
let asked = 0;
at('size').addEventListener('input', () => { state.asGiven = false; cancelAnimationFrame(asked); asked = requestAnimationFrame(show); });
for (const id of ['filter', 'inside']) at(id).addEventListener('input', () => showEdges(state.run, circuitNow()));
at('legend').append(...methods.map((m, i) => make('span', {}, make('svg', { viewBox: '0 0 34 8', 'aria-hidden': 'true' }, make('line', { x1: 1, x2: 33, y1: 4, y2: 4, 'stroke-width': 2.5, ...styleOf(i) })), m)));
at('curves').append(...panels.map(p => p.element));
at('curves-part').hidden = panels.length === 0;
at('methods-part').hidden = panels.length === 0;
at('records').append(...data.runs.map(r => make('details', {}, make('summary', {}, r.label), make('table', {}, make('tbody', {}, ...r.record.map(([name, value]) => make('tr', {}, make('th', { scope: 'row' }, name), make('td', { class: 'wide' }, value))))))));
at('controls').hidden = false;
// Printed, records are open.
addEventListener('beforeprint', () => { for (const d of document.querySelectorAll('details')) d.open = true; });
choose(data.runs[0], false);
