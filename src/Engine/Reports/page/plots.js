'use strict';

// Okabe and Ito's colours, told apart with every kind of colour vision; dashes tell them apart in print.
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f'];
const dashes = ['', '7 3', '2 3', '9 3 2 3', '4 2', '1 2'];
const styleOf = i => ({ stroke: colours[i % colours.length], 'stroke-dasharray': dashes[i % dashes.length] });

// Everything that is shown goes through text nodes and attributes: nothing from a file is ever markup.
function make(name, attributes = {}, ...children) {
  const isDrawn = ['svg', 'path', 'line', 'circle', 'text', 'g', 'polygon', 'rect', 'title'].includes(name);
  const node = isDrawn ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

// A thing to be chosen by mouse and by keyboard.
const pressable = (label, act) => ({
  role: 'button', tabindex: 0, 'aria-label': label, onclick: act,
  onkeydown: event => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); act(event); } },
});

const short = value => value === null || value === undefined || !Number.isFinite(value) ? '–' : Math.abs(value) >= 1000 || (value !== 0 && Math.abs(value) < 0.001) ? value.toExponential(2) : value.toPrecision(3);

const share = value => value === null || value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(2).replace(/^-0\.00$/, '0.00');

// Faithfulness at any size: between two that were measured, on a straight line over the logarithm.
function valueAt(curve, n) {
  const points = curve.filter(p => p.f !== null && p.selected > 0);
  const right = points.findIndex(p => p.selected >= n);
  if (points.length === 0 || (right < 0 && n > points.at(-1).selected) || (right === 0 && points[0].selected > n)) return null;
  const b = points[right], a = points[right - 1] ?? b;
  const t = b.selected === a.selected ? 0 : Math.log(n / a.selected) / Math.log(b.selected / a.selected);
  return a.f + t * (b.f - a.f);
}

const nearest = (curve, n) => curve.filter(p => p.selected > 0).reduce((best, p) => best === null || Math.abs(Math.log(p.selected / n)) < Math.abs(Math.log(best.selected / n)) ? p : best, null);

// A panel with the curves of some runs. Returns the element and what moves its mark.
function curvePanel(title, runs, methods, choose) {
  const [width, height, left, right, top, bottom] = [360, 230, 38, 20, 10, 30];
  const points = runs.flatMap(r => r.curve).filter(p => p.selected > 0 && p.f !== null);
  if (points.length === 0) return null;
  const sizes = points.map(p => p.selected), [least, most] = [Math.min(...sizes), Math.max(Math.max(...sizes), Math.min(...sizes) + 1)];
  const values = points.flatMap(p => [p.f, p.low ?? p.f, p.high ?? p.f]);
  const [low, high] = [Math.max(Math.min(0, ...values), -1), Math.min(Math.max(1, ...values), 3)];
  const x = n => left + (width - left - right) * Math.log(n / least) / Math.log(most / least);
  const y = f => top + (height - top - bottom) * (high - Math.min(Math.max(f, low), high)) / (high - low);
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `faithfulness by edges selected: ${title}` });
  for (const f of [0, 0.5, 1].concat(high > 1.4 ? [high] : [], low < -0.4 ? [low] : [])) {
    svg.append(make('line', { class: 'grid', x1: left, x2: width - right, y1: y(f), y2: y(f) }), make('text', { x: left - 5, y: y(f) + 4, 'text-anchor': 'end' }, short(f).replace(/\.?0+$/, '')));
  }
  for (let n = 10 ** Math.ceil(Math.log10(least)); n <= most; n *= 10) {
    svg.append(make('line', { class: 'grid', x1: x(n), x2: x(n), y1: top, y2: height - bottom }), make('text', { x: x(n), y: height - bottom + 14, 'text-anchor': 'middle' }, n.toLocaleString('en')));
  }
  svg.append(make('text', { x: (left + width - right) / 2, y: height - 3, 'text-anchor': 'middle' }, 'edges selected'));
  const line = list => list.map((p, i) => `${i ? 'L' : 'M'}${x(p.selected).toFixed(1)} ${y(p.f).toFixed(1)}`).join('');
  const paths = new Map();
  for (const run of runs) {
    const drawn = run.curve.filter(p => p.selected > 0 && p.f !== null), style = styleOf(methods.indexOf(run.method));
    const banded = drawn.filter(p => p.low !== null && p.high !== null);
    if (banded.length > 1) {
      const ends = [...banded.map(p => [p.selected, p.high]), ...banded.toReversed().map(p => [p.selected, p.low])];
      svg.append(make('polygon', { class: 'band', fill: style.stroke, points: ends.map(([n, f]) => `${x(n).toFixed(1)},${y(f).toFixed(1)}`).join(' ') }));
    }
    const path = make('path', { class: 'curve', d: line(drawn), ...style, ...pressable(run.label, () => choose(run)) }, make('title', {}, run.label));
    paths.set(run, path);
    svg.append(path, make('path', { class: 'hit', d: line(drawn), onclick: () => choose(run) }, make('title', {}, run.label)));
  }
  const mark = make('line', { class: 'mark', y1: top, y2: height - bottom }), dot = make('circle', { class: 'dot', r: 5 });
  svg.append(mark, dot);
  const show = (chosen, n) => {
    const inside = n >= least && n <= most;
    mark.toggleAttribute('hidden', !inside);
    if (inside) { mark.setAttribute('x1', x(n)); mark.setAttribute('x2', x(n)); }
    for (const [run, path] of paths) path.classList.toggle('chosen', run === chosen);
    const f = paths.has(chosen) ? valueAt(chosen.curve, n) : null;
    dot.toggleAttribute('hidden', f === null);
    if (f === null) return;
    dot.setAttribute('cx', x(n));
    dot.setAttribute('cy', y(f));
    dot.setAttribute('fill', styleOf(methods.indexOf(chosen.method)).stroke);
  };
  return { element: make('figure', { class: 'panel' }, make('figcaption', {}, title), svg), show };
}

// The circuit as a transformer: input at the bottom, a row a layer, its MLP at the right, logits on top.
function drawCircuit(graph, scores, edges, held, hold) {
  const gap = 46, row = 74, left = 60;
  const width = left + (graph.heads + 1) * gap + 40, height = (graph.layers + 2) * row;
  const spot = node => {
    const { kind, layer, head } = graph.place(node);
    const y = height - row / 2 - (layer + 1) * row;
    return kind === 'head' ? [left + head * gap + gap / 2, y] : kind === 'mlp' ? [left + graph.heads * gap + gap / 2 + 10, y - row * 0.3] : [left + graph.heads * gap / 2, y];
  };
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `the circuit: ${edges.length} edges` });
  for (let l = 0; l < graph.layers; l++) svg.append(make('text', { x: 4, y: height - row / 2 - (l + 1) * row + 4 }, `layer ${l}`));
  const largest = scores ? edges.reduce((most, e) => Math.max(most, Math.abs(scores[e])), 0) : 1;
  // Edges of one look are one path: tens of thousands are drawn at once.
  const looks = new Map(), inside = new Set([0, graph.logits]);
  for (const e of edges) {
    const [u, v] = [graph.from[e], graph.to[e]];
    inside.add(u).add(v);
    const strength = scores && largest > 0 ? Math.ceil(4 * Math.abs(scores[e]) / largest) : 2;
    const look = `${scores && scores[e] < 0 ? 'hurts' : 'helps'} ${Math.max(strength, 1)} ${held === null || u === held || v === held ? '' : 'faint'}`;
    const [[x1, y1], [x2, y2]] = [spot(u), spot(v)], middle = ((y1 + y2) / 2).toFixed(0);
    looks.set(look, `${looks.get(look) ?? ''}M${x1} ${y1.toFixed(1)}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2.toFixed(1)}`);
  }
  for (const [look, d] of [...looks].sort(([a], [b]) => b.endsWith('faint') - a.endsWith('faint') || a.split(' ')[1] - b.split(' ')[1])) {
    const [sign, strength, faint] = look.split(' ');
    svg.append(make('path', { class: `edge ${faint}`, d, stroke: `var(--${sign})`, 'stroke-width': 0.4 + 0.8 * strength, 'stroke-opacity': 0.25 + 0.17 * strength, 'stroke-dasharray': sign === 'hurts' ? '6 3' : null }));
  }
  for (let node = 0; node <= graph.logits; node++) {
    const [x, y] = spot(node), name = graph.nodeName(node);
    const classes = `node${inside.has(node) ? '' : ' out'}${held === node ? ' held' : ''}`;
    svg.append(make('g', { class: classes, 'data-node': name, ...pressable(`${name}: show its edges`, () => hold(node)) }, make('circle', { cx: x, cy: y, r: 17 }), make('text', { x, y: y + 3.5 }, name)));
  }
  return svg;
}
