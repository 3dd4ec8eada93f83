'use strict';

const cell = (text, isNumber = true) => make('td', { class: isNumber ? 'number' : null }, text);

// A table whose rows are sorted by a click on a title, and shown a part at a time.
class SortedTable {
  constructor(table, more, columns, sortedBy, descending) {
    Object.assign(this, { table, more, columns, sortedBy, descending, rows: [], shown: 0 });
    more.addEventListener('click', () => this.show(this.shown + SortedTable.part));
  }

  static part = 25;

  set(rows) {
    this.rows = rows;
    this.show(SortedTable.part);
  }

  show(count) {
    const { key } = this.columns[this.sortedBy], sign = this.descending ? -1 : 1;
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      // What has no value comes last, whichever way.
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x - y);
    };
    const sorted = this.rows.toSorted(order);
    this.shown = Math.min(count, sorted.length);
    const heads = this.columns.map((column, i) => make('th', { class: column.isText ? null : 'number', scope: 'col', 'aria-sort': i === this.sortedBy ? (this.descending ? 'descending' : 'ascending') : 'none' },
      make('button', { type: 'button', onclick: () => this.sortBy(i) }, column.title)));
    this.table.replaceChildren(make('thead', {}, make('tr', {}, ...heads)),
      make('tbody', {}, ...sorted.slice(0, this.shown).map(row => make('tr', {}, ...this.columns.map(c => make('td', { class: c.isText ? (c.isWide ? 'wide' : null) : 'number' }, c.text(row)))))));
    this.more.hidden = this.shown >= sorted.length;
    this.more.textContent = `More (${this.shown} of ${sorted.length})`;
  }

  sortBy(column) {
    if (column === this.sortedBy) this.descending = !this.descending;
    else [this.sortedBy, this.descending] = [column, !this.columns[column].isText];
    this.show(SortedTable.part);
    this.table.querySelectorAll('th button')[column].focus();
  }
}

const edgeColumns = [
  { title: 'edge', isText: true, key: r => r.name, text: r => r.name },
  { title: 'score', key: r => r.score, text: r => short(r.score) },
  { title: '|score|', key: r => r.score === null ? null : Math.abs(r.score), text: r => short(r.score === null ? null : Math.abs(r.score)) },
  { title: '95 % interval', key: r => r.error, text: r => r.error === null ? '–' : `${short(r.score - 1.96 * r.error)} … ${short(r.score + 1.96 * r.error)}` },
  { title: 'in the circuit', isText: true, key: r => r.inside ? 'yes' : 'no', text: r => r.inside ? 'yes' : 'no' },
  { title: 'in resamples', key: r => r.often === 255 ? 0 : r.often, text: r => r.often === 255 ? '< 5%' : `${r.often}%` },
];

const exampleColumns = [
  { title: 'kept', key: r => r.kept, text: r => short(r.kept) },
  { title: 'clean', key: r => r.clean, text: r => short(r.clean) },
  { title: 'circuit', key: r => r.circuit, text: r => short(r.circuit) },
  { title: 'corrupted', key: r => r.corrupted, text: r => short(r.corrupted) },
  { title: 'prompt', isText: true, isWide: true, key: r => r.prompt?.[0] ?? '', text: r => r.prompt ? r.prompt[0] : `example ${r.number}` },
  { title: 'corrupted prompt', isText: true, isWide: true, key: r => r.prompt?.[1] ?? '', text: r => r.prompt?.[1] ?? '' },
  { title: 'answers', isText: true, key: r => r.prompt?.[2] ?? '', text: r => r.prompt ? `${r.prompt[2]}${r.prompt[3] ? `, not ${r.prompt[3]}` : ''}` : '' },
];

// Layers and heads; the value of a node is a shade, its number and a button.
function fillHeat(table, graph, values, held, hold) {
  const largest = Math.max(...values, 0);
  const shade = node => make('td', { style: `background: rgba(var(--heat), ${largest > 0 ? (0.7 * values[node] / largest).toFixed(3) : 0})` },
    make('button', { type: 'button', class: held === node ? 'held' : null, 'aria-pressed': String(held === node), 'data-node': graph.nodeName(node), title: `${graph.nodeName(node)}: ${short(values[node])}`, onclick: () => hold(node) }, values[node] > 0 ? short(values[node]) : '·'));
  const heads = Array.from({ length: graph.heads }, (_, h) => make('th', { scope: 'col' }, `h${h}`));
  const rows = Array.from({ length: graph.layers }, (_, i) => graph.layers - 1 - i).map(layer => make('tr', {}, make('th', { scope: 'row' }, `layer ${layer}`),
    ...Array.from({ length: graph.nodesOfLayer }, (_, h) => shade(1 + layer * graph.nodesOfLayer + h))));
  table.replaceChildren(make('thead', {}, make('tr', {}, make('td'), ...heads, make('th', { scope: 'col' }, 'MLP'))),
    make('tbody', {}, ...rows, make('tr', {}, make('th', { scope: 'row' }, 'input'), shade(0))));
}

// Rows and columns of tasks.
function taskTable(title, tasks, values) {
  return make('div', { class: 'scroll' }, make('p', { class: 'note' }, title), make('table', { class: 'heat' },
    make('thead', {}, make('tr', {}, make('th', {}, 'circuit of'), ...tasks.map(t => make('th', { scope: 'col' }, t)))),
    make('tbody', {}, ...values.map((row, i) => make('tr', {}, make('th', { scope: 'row' }, tasks[i]),
      ...row.map(v => make('td', { class: 'number', style: `padding: .3rem .6rem; background: rgba(var(--heat), ${v === null ? 0 : (0.7 * Math.min(Math.max(v, 0), 1)).toFixed(3)})` }, share(v))))))));
}
